import dlib
import numpy as np
import pytest
import torch

from featurex.backbones import get_backbone
from featurex.backbones.dlib_models import FACE_RESNET, dlib_model
from featurex.backbones.dlib_resnet import (
    MEAN,
    SCALE,
    load_dlib_resnet,
)


def as_batch(chips):
    return torch.from_numpy(chips).permute(0, 3, 1, 2).float()


@pytest.fixture(scope="module")
def embedding_network():
    return get_backbone("dlib-resnet:embedding").build()


@torch.inference_mode()
def test_the_embedding_is_dlibs_own_descriptor(embedding_network, chips):
    dlibs = dlib.face_recognition_model_v1(str(dlib_model(FACE_RESNET)))
    expected = [np.array(dlibs.compute_face_descriptor(chip)) for chip in chips[:3]]
    found = embedding_network(as_batch(chips[:3])).numpy()
    np.testing.assert_allclose(found, expected, atol=1e-5, rtol=0)


@torch.inference_mode()
def test_the_last_stage_of_the_pyramid_gives_the_embedding(dlib_resnet, embedding_network, chips):
    chips = chips[:3]
    pyramid = dlib_resnet(as_batch(chips))
    assert pyramid.shape == (len(chips), 736)
    embedding = embedding_network(as_batch(chips))
    assert embedding.shape == (len(chips), 128)
    torch.testing.assert_close(embedding_network.fc(pyramid[:, -256:]), embedding)


@torch.inference_mode()
def test_the_grid_is_the_averages_of_quarters(dlib_resnet, chips):
    chips = as_batch(chips[:3])
    maps = []
    hooks = [
        stage.register_forward_hook(lambda _stage, _args, out: maps.append(out.numpy().copy()))
        for stage in dlib_resnet.stages
    ]
    dlib_resnet(chips)
    for hook in hooks:
        hook.remove()
    grid = get_backbone("dlib-resnet:grid").build()(chips)
    assert grid.shape == (len(chips), 4 * 736)
    expected = np.concatenate([quarters(x) for x in maps], axis=1)
    np.testing.assert_allclose(grid.numpy(), expected, atol=1e-5, rtol=0)


def quarters(x):
    """Average the quarters of maps by hand; halves of an odd side share the middle."""
    side = x.shape[2]
    first, second = slice((side + 1) // 2), slice(side // 2, None)
    corners = [x[:, :, rows, columns] for rows in (first, second) for columns in (first, second)]
    return np.stack([c.mean((2, 3)) for c in corners], axis=2).reshape(len(x), -1)


def test_it_is_in_evaluation_mode(dlib_resnet):
    assert not dlib_resnet.training


def test_untrained_and_trained_networks_fit_each_other(dlib_resnet):
    untrained = get_backbone("dlib-resnet").untrained()
    untrained.load_state_dict(dlib_resnet.state_dict())


def test_the_preprocessing_in_the_cache_key_is_the_networks():
    preprocessing = get_backbone("dlib-resnet").preprocessing
    assert preprocessing == {"mean": list(MEAN), "scale": SCALE}


def test_loading_is_repeatable(dlib_resnet):
    again = load_dlib_resnet(dlib_model(FACE_RESNET), "pyramid")
    for name, tensor in dlib_resnet.state_dict().items():
        assert torch.equal(tensor, again.state_dict()[name])
