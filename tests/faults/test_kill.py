"""kill -9 at any moment: nothing that was finished is lost, doubled or changed."""

import random
import shutil
import time

import pytest

from cache import Store, spaces, verify

N_KILLS = 100
# On a slow machine a test tries no more moments after so many seconds, but for a few.
MAX_SECONDS, FEWEST_KILLS = 40, 8


def while_there_is_time(moments):
    """Yield moments until the time is over, but a few at least."""
    started = time.monotonic()
    for number, moment in enumerate(moments):
        if number >= FEWEST_KILLS and time.monotonic() - started > MAX_SECONDS:
            return
        yield moment


def kill_at_random(worker, root, photos, n_events, seed):
    """Kill an extraction a moment after one of its events; return the killed job."""
    rng = random.Random(seed)
    job = worker.start("extract", root, photos=photos, block_rows=6)
    job.follow(rng.randrange(n_events))
    time.sleep(rng.uniform(0, 0.004))
    job.kill()
    job.wait()
    return job


def where(root):
    """Say what the kill interrupted."""
    if any(root.rglob("*.tmp")):
        return "while a file was written"
    shards = [*root.rglob("shards/*.h5")]
    return "before the first shard" if not shards else "between two files"


def test_a_hundred_kills_lose_no_finished_row(
    worker, photos, extract, check, check_whole, tidy, tmp_path
):
    calm = worker.start("extract", tmp_path / "calm", photos=photos, block_rows=6)
    calm.result()
    hit = dict.fromkeys(
        ["before the first shard", "between two files", "while a file was written"], 0
    )
    for seed in while_there_is_time(range(N_KILLS)):
        root = tmp_path / str(seed)
        job = kill_at_random(worker, root, photos, len(calm.events), seed)
        if root.exists():
            hit[where(root)] += 1
            check(root, job.finished())
        extract(root)
        check_whole(root)
        if seed % 10 == 0:
            tidy(root)
            assert verify(root) == []
        shutil.rmtree(root)
    assert seed < N_KILLS - 1 or all(hit.values()), hit


def kill_everywhere(worker, job, original, tmp_path, **more):
    """Kill a job right before each thing that it changes on the disk; yield what is left.

    In random order, so that a slow machine sees a sample of all.
    """
    calm = tmp_path / "calm"
    shutil.copytree(original, calm)
    events = worker.start(job, calm, **more)
    events.result()
    moments = list(enumerate(events.events))
    random.Random(0).shuffle(moments)
    for number, event in while_there_is_time(moments):
        root = tmp_path / f"killed{number}"
        shutil.copytree(original, root)
        killed = worker.start(job, root, die_at=number, **more)
        assert killed.wait() == (0 if event["event"] == "done" else -9)
        yield root
        shutil.rmtree(root)


def test_a_compact_killed_before_each_change_loses_nothing(
    worker, photos, check_whole, tidy, tmp_path
):
    small = tmp_path / "small"
    worker.run("extract", small, photos=photos, block_rows=4)
    n = 0
    for root in kill_everywhere(worker, "compact", small, tmp_path, target_bytes=150_000):
        check_whole(root, doubled=True)
        worker.run("compact", root, target_bytes=150_000)
        check_whole(root)
        tidy(root)
        assert verify(root) == []
        assert [store.n_shards for store in spaces(root)] == [2, 1, 1]
        n += 1
    assert n >= FEWEST_KILLS


def test_a_repair_killed_before_each_change_loses_no_sound_row(
    worker, extract, check, tidy, whole, tmp_path
):
    hurt = tmp_path / "hurt"
    shutil.copytree(whole, hurt)
    shard, other, *_ = sorted(hurt.glob("chips-*/shards/*.h5"))
    content = bytearray(shard.read_bytes())
    content[-3] ^= 1  # in the last row, or its checksum
    shard.write_bytes(content)
    other.write_bytes(b"")
    for root in kill_everywhere(worker, "repair", hurt, tmp_path):
        worker.run("repair", root)
        chips = Store.open_existing(root, shard.parents[1].name)
        assert len(chips) in (22 - 1 - 6, 22 - 1 - 5, 22 - 1 - 4)
        check(root)


def test_a_drop_killed_before_each_change_drops_all_or_nothing(
    worker, extract, check, tidy, whole, tmp_path
):
    for root in kill_everywhere(worker, "drop", whole, tmp_path, space="chips"):
        check(root)
        assert {len(store) for store in spaces(root)} <= {22, 24}
        tidy(root)
        assert verify(root) == []


@pytest.mark.parametrize("victim", [0, 1])
def test_of_two_extractions_one_is_killed(worker, photos, check_whole, tmp_path, victim):
    orders = [photos, photos[::-1]]
    jobs = [worker.start("extract", tmp_path / "c", photos=order) for order in orders]
    jobs[victim].follow(9)
    jobs[victim].kill()
    finished = jobs[victim]
    jobs[1 - victim].result()
    finished.wait()
    check_whole(tmp_path / "c", finished.finished(), doubled=True)
