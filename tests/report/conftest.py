import json

import numpy as np
import pandas as pd
import pytest

from pipelines.report import FORMS, Run
from pipelines.scoring.scores import METRICS

MODELS = ("majority", "svm", "finetuned")
GROUPS = ("0-2", "25-32", "60+")
# Accuracies by model; years by model.
ACCURACY = {"majority": 0.39, "svm": 0.76, "finetuned": 0.74}
MAE = {"majority": 15.0, "svm": 5.7, "finetuned": 4.4}


def scores(task, model):
    row = {"task": task, "model": model, "n_rows": 120, "n_subjects": 40, "n_folds": 3}
    values = {"mae": MAE[model]} if task == "age" else {"accuracy": ACCURACY[model], "one_off": 0.9}
    for metric in METRICS:
        value = values.get(metric.name, np.nan)
        row |= {f"{metric.name}_{part}": value for part in ("mean", "pooled")}
        row |= {f"{metric.name}_std": 0.012 if metric.name in values else np.nan}
        row |= {f"{metric.name}_low": value * 0.95, f"{metric.name}_high": value * 1.05}
    cost = 1 + MODELS.index(model)
    return row | {"fit_seconds": 10.0**cost, "ms_per_face": 6.5 + cost}


def by_group(task, model, metric, score):
    for number, group in enumerate(GROUPS):
        value = score - 0.1 * number
        yield {
            **{"task": task, "model": model, "column": "age_group", "group": group},
            **{"metric": metric, "n_rows": 40, "n_subjects": 20 - number, "score": value},
            **{"few_subjects": number == 2, "worst": number == 1, "low": value - 0.04},
            **{"high": value + 0.04, "gap": 0.1 * number, "gap_low": 0.02, "gap_high": 0.2},
        }


def make_tables():
    """Return every table of a small run: two tasks, three models."""
    tasks = {"age-group": "accuracy", "age": "mae"}
    pairs = [
        {
            **{"task": task, "metric": metric, "model_a": a, "model_b": b, "difference": 0.1},
            **{"different": {a, b} != {"svm", "finetuned"}, "low": 0, "high": 0.2, "p_holm": 0.01},
        }
        for task, metric in tasks.items()
        for a, b in (("majority", "svm"), ("majority", "finetuned"), ("svm", "finetuned"))
    ]
    task = {"task": "age-group"}
    shares = [0.5, 0.8, 1.0]
    frames = {
        "table": [scores(task, model) for task in tasks for model in MODELS],
        "pairs": pairs,
        "by_group": [
            row
            for model in MODELS
            for row in by_group("age-group", model, "accuracy", ACCURACY[model])
        ],
        "recall": [task | {"model": m, "class": c, "recall": 0.5} for m in MODELS for c in GROUPS],
        "calibration": [
            task | {"model": m, "form": form, "ece": 0.08, "brier": 0.4, "temperature": 1.0}
            for m in MODELS
            for form in ("as given", "temperature, cross-fitted")
        ],
        "selective": [
            task | {"model": m, "question": q, "asked": s, "coverage": s, "accuracy": 1.1 - s / 3}
            for m in MODELS
            for q in ("coverage", "accuracy")
            for s in shares
        ],
        "reliability": [
            task | {"model": m, "confidence": s, "accuracy": s - 0.1, "low": s - 0.2, "high": s}
            for m in MODELS
            for s in shares
        ],
        "confusion": [
            task | {"model": m, "true": t, "predicted": p, "count": 30 if t == p else 5}
            for m in MODELS
            for t in GROUPS
            for p in GROUPS
        ],
        "curves": [
            {
                **{"task": "age-group", "model": "finetuned", "fold": fold, "epoch": epoch},
                **{"train_loss": 2 / epoch, "valid_loss": 2.2 / epoch},
                **{"train_score": 0.2 * epoch, "valid_score": 0.18 * epoch},
            }
            for fold in (0, 1)
            for epoch in (1, 2, 3)
        ],
        "map": [
            {"method": "PCA", "x": n % 7, "y": n % 11, "age_group": GROUPS[n % 3], "gender": ""}
            for n in range(60)
        ],
        "findings": [{"finding": "near-duplicate pairs", "count": 12, "detail": "3 contradict"}],
        "folds": [{"fold": "0", "photos": 60, "leaking": 6, "share": 0.1, "pairs": 7}],
    }
    return {name: as_form(name, rows) for name, rows in frames.items()}


def as_form(name, rows):
    form = FORMS[name]
    table = pd.DataFrame(rows).reindex(columns=[*form.words, *form.numbers, *form.extra])
    numbers = dict.fromkeys((*form.numbers, *form.extra), float)
    words = {word: table[word].astype(object).fillna("").astype(str) for word in form.words}
    return table.astype(numbers).assign(**words)


RECORD = {
    "dataset": "planted",
    "protocol": "subject",
    "notes": ["Data set planted: 120 faces."],
    "command": ["featurex", "compare", "planted", "/home/some one/faces"],
    "photos": {"found": 130, "dropped": {"duplicate": 4}, "without_face": 6, "faces": 120},
    "options": {"seed": 7, "backbone": "tiny"},
    "versions": {"featurex": "0.1.0"},
    "manifest_sha256": "abc123",
}


@pytest.fixture
def tables():
    return make_tables()


@pytest.fixture
def record():
    return json.loads(json.dumps(RECORD))


@pytest.fixture
def run(record, tables):
    return Run(record, tables)


@pytest.fixture
def folder(record, tables, tmp_path):
    """A run's folder, with an audit's in ``audit``."""
    (tmp_path / "audit").mkdir()
    (tmp_path / "run.json").write_text(json.dumps(record), encoding="utf-8")
    for name, table in tables.items():
        home = tmp_path / "audit" if name in ("findings", "folds") else tmp_path
        table.to_csv(home / f"{name}.csv", index=False)
    return tmp_path
