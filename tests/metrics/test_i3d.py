"""I3D on random weights: every block is a float64 computation of its own, by sums over windows."""

from functools import partial
from itertools import pairwise

import numpy as np
import pytest
import torch
from numpy.lib.stride_tricks import sliding_window_view
from video_helpers import archive, random_i3d

from pipeline.errors import DataError
from pipeline.metrics import fvd
from pipeline.metrics.i3d import EPS, I3D, MIXED, Inception, Pool, Unit, fitted

CPU = torch.device("cpu")
STEM = [
    *("Conv3d_1a_7x7", "MaxPool3d_2a_3x3", "Conv3d_2b_1x1", "Conv3d_2c_3x3", "MaxPool3d_3a_3x3"),
]


def windows(x, size, stride):
    """Windows [N, C, T, H, W, t, h, w], padded as SAME: where one is odd, at the end."""
    pads = [(0, 0), (0, 0)]
    for length, width, step in zip(x.shape[2:], size, stride, strict=True):
        out = -(-length // step)
        total = max((out - 1) * step + width - length, 0)
        pads.append((total // 2, total - total // 2))
    every = sliding_window_view(np.pad(x, pads), size, (2, 3, 4))
    return every[:, :, :: stride[0], :: stride[1], :: stride[2]]


def unit(x, module):
    """A convolution as a sum over windows, normalised, without its negative part."""
    weight = module.conv3d.weight.double().numpy()
    y = np.einsum("ncthwijk,ocijk->nothw", windows(x, module.window, module.stride), weight)
    if module.bn is None:
        return y + module.conv3d.bias.double().numpy()[:, None, None, None]
    shape = (slice(None), None, None, None)
    mean, var, gain, bias = (
        each.double().numpy()[shape]
        for each in (
            module.bn.running_mean,
            module.bn.running_var,
            module.bn.weight,
            module.bn.bias,
        )
    )
    return np.maximum((y - mean) / np.sqrt(var + EPS) * gain + bias, 0)


def pool(x, size, stride):
    return windows(x, size, stride).max((-3, -2, -1))


def randomised(module):
    """Weights, and statistics that are neither 0 nor 1."""
    random_i3d(module)
    return module.eval().requires_grad_(False)


def same(module, x, expected):
    with torch.inference_mode():
        found = module(torch.from_numpy(x).float()).double().numpy()
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, atol=1e-5 * np.abs(expected).max(), rtol=0)


@pytest.mark.parametrize(
    ("window", "stride", "size"),
    [(1, 1, (3, 5, 4)), (3, 1, (4, 6, 5)), (7, 2, (9, 12, 11)), (7, 2, (10, 13, 14))],
)
def test_a_unit_is_a_convolution_padded_as_tensorflow_pads(window, stride, size):
    x = np.random.default_rng(0).normal(size=(2, 3, *size))
    module = randomised(Unit(3, 4, window, stride, eps=EPS))
    same(module, x, unit(x, module))


def test_the_logits_have_a_bias_and_keep_their_sign():
    x = np.random.default_rng(0).normal(size=(2, 6, 2, 1, 1))
    module = randomised(Unit(6, 5, eps=None))
    same(module, x, unit(x, module))
    assert (unit(x, module) < 0).any()


@pytest.mark.parametrize(
    ("window", "stride"),
    [
        ((1, 3, 3), (1, 2, 2)),
        ((3, 3, 3), (2, 2, 2)),
        ((2, 2, 2), (2, 2, 2)),
        ((3, 3, 3), (1, 1, 1)),
    ],
)
@pytest.mark.parametrize("size", [(4, 6, 8), (5, 7, 9)])
def test_a_pooling_is_the_maximum_over_windows(window, stride, size):
    x = np.abs(np.random.default_rng(0).normal(size=(1, 2, *size)))
    same(Pool(window, stride), x, pool(x, window, stride))


def test_a_block_is_its_four_branches_beside_each_other():
    x = np.abs(np.random.default_rng(0).normal(size=(1, 5, 3, 6, 5)))
    module = randomised(Inception(5, (2, 3, 4, 2, 3, 4), EPS))
    branches = (
        unit(x, module.b0),
        unit(unit(x, module.b1a), module.b1b),
        unit(unit(x, module.b2a), module.b2b),
        unit(pool(x, (3, 3, 3), (1, 1, 1)), module.b3b),
    )
    same(module, x, np.concatenate(branches, 1))


@pytest.fixture
def network():
    return randomised(I3D())


def test_the_parts_follow_each_other_to_the_mean_of_the_logits_over_time(network, generator):
    outputs = {}
    for name, part in network.named_children():
        keep = partial(
            lambda key, _, inputs, output: outputs.update({key: (inputs[0], output)}), name
        )
        part.register_forward_hook(keep)
    video = torch.rand(1, 3, 10, 224, 224, generator=generator) * 2 - 1
    with torch.inference_mode():
        found = network(video)
    order = [*outputs.values()][:-1]
    for (_, before), (after, _) in pairwise(order):
        assert torch.equal(before, after)
    *_, (_, last) = order
    pooled = last.unfold(2, 2, 1).mean((3, 4, 5))  # [1, 1024, 1]: two steps of time, 7 x 7 places
    expected = unit(pooled[..., None, None].double().numpy(), network.logits).mean(2)
    np.testing.assert_allclose(found, expected[..., 0, 0], atol=1e-5, rtol=1e-4)
    assert list(outputs) == [*STEM, *MIXED, "logits"]
    shapes = {name: tuple(output.shape[1:]) for name, (_, output) in outputs.items()}
    assert shapes["Conv3d_1a_7x7"] == (64, 5, 112, 112)
    assert shapes["Mixed_3c"] == (480, 5, 28, 28)
    assert shapes["Mixed_4f"] == (832, 3, 14, 14)
    assert shapes["Mixed_5c"] == (1024, 2, 7, 7)


def bilinear(frame, side):
    """Straightforward bilinear resizing of [H, W] in float64, centres at half pixels."""
    rows, columns = (
        np.clip((np.arange(side) + 0.5) * length / side - 0.5, 0, None) for length in frame.shape
    )
    out = np.empty((side, side))
    for i, y in enumerate(rows):
        for j, x in enumerate(columns):
            y0, x0 = int(y), int(x)
            y1, x1 = min(y0 + 1, frame.shape[0] - 1), min(x0 + 1, frame.shape[1] - 1)
            dy, dx = y - y0, x - x0
            top = frame[y0, x0] * (1 - dx) + frame[y0, x1] * dx
            out[i, j] = top * (1 - dy) + (frame[y1, x0] * (1 - dx) + frame[y1, x1] * dx) * dy
    return out


def test_videos_are_resized_and_scaled_as_by_hand(monkeypatch, generator):
    monkeypatch.setattr(fvd, "SIDE", 24)
    video = torch.randint(0, 256, (1, 10, 3, 17, 31), dtype=torch.uint8, generator=generator)
    found = fvd.preprocess(video)
    assert found.shape == (1, 3, 10, 24, 24)
    for time in (0, 9):
        for channel in range(3):
            expected = bilinear(video[0, time, channel].numpy() / 127.5 - 1.0, 24)
            np.testing.assert_allclose(found[0, channel, time].numpy(), expected, atol=1e-5, rtol=0)
    torch.testing.assert_close(fvd.preprocess(video.float() / 255), found)


def test_videos_of_nine_frames_are_refused():
    assert fvd.SIDE == 224
    with pytest.raises(DataError, match="videos of 9 frames: an FVD needs 10 or more"):
        fvd.preprocess(torch.zeros(1, 9, 3, 8, 8))


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A torch hub's cache with an archive of TorchScript, as the published one is."""
    folder = tmp_path_factory.mktemp("torch") / "hub/checkpoints"
    folder.mkdir(parents=True)
    archive(randomised(I3D()), folder / "i3d_torchscript.pt")
    return folder.parents[1]


def test_features_are_those_of_the_archives_weights_whatever_the_batch(
    home, network, monkeypatch, generator
):
    monkeypatch.setenv("TORCH_HOME", str(home))
    videos = torch.rand(2, 10, 3, 20, 24, generator=generator)
    features = fvd.extractor(CPU)
    found = features(videos)
    with torch.inference_mode():
        expected = network(fvd.preprocess(videos))  # both in one batch; the features one by one
    assert found.shape == (2, 400)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)
    backend = fvd.backend()
    assert len(backend.weights) == 64
    assert backend.origin == fvd.WEIGHTS


def test_an_archive_of_other_names_is_matched_by_order_and_shape(network):
    own = network.state_dict()
    other = {
        f"net.{k.replace('Mixed_', 'mixed').replace('bn', 'batch3d')}": v for k, v in own.items()
    }
    first = {k: v for k, v in other.items() if "logits" in k}
    for state in (other, {**first, **other}, {k: v for k, v in other.items() if "num_b" not in k}):
        found = fitted(state, own, "x")
        assert all(torch.equal(found[name], own[name]) for name in found)
        assert len(found) == sum("num_batches" not in name for name in own)


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda state: state.pop("logits.conv3d.bias"), "x: holds 286 tensors, an I3D 287; "),
        (
            lambda state: state.update({"Mixed_5c.b0.conv3d.weight": torch.zeros(3, 3)}),
            r"x: has no Mixed_5c.b0.conv3d.weight of \[384, 832, 1, 1, 1\], so it is no I3D",
        ),
    ],
)
def test_weights_of_another_network_are_refused(network, harm, said):
    state = dict(network.state_dict())
    harm(state)
    with pytest.raises(DataError, match=said):
        fitted(state, network.state_dict(), "x")
