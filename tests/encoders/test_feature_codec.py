"""What a decoder must do for any backbone: draw what the features tell, and come back the same."""

import pytest
import torch
from torch.nn import functional

from pipeline.encoders._shared.decoder import Decoder, DecoderOptions
from pipeline.encoders._shared.feature_codec import (
    FeatureCodec,
    fit_feature_codec,
    load_feature_codec,
)
from pipeline.metrics.images import psnr

CHANNELS = 5


class Pooled:
    """Mean colour and its deviations of every `patch` x `patch`, badly scaled, one channel dead."""

    def __init__(self, patch):
        self.patch = patch
        self.largest = 0

    @torch.inference_mode()
    def encode(self, frames):
        self.largest = max(self.largest, len(frames))
        colour = functional.avg_pool2d(frames.float(), self.patch)
        dead = torch.full_like(colour[:, :1], 3.0)
        return torch.cat([colour * 40 + 1000, colour[:, :1] * 1e-3, dead], 1)

    def save(self, folder):
        (folder / "patch.txt").write_text(str(self.patch))


def squares(height, width, count=64):
    """Frames with one square of 8 pixels each, its place and colour drawn at random."""
    generator = torch.Generator().manual_seed(1)
    frames = torch.zeros(count, 3, height, width, dtype=torch.uint8)
    for frame in frames:
        y, x = (int(torch.randint(0, n - 8, (), generator=generator)) for n in (height, width))
        frame[:, y : y + 8, x : x + 8] = torch.randint(100, 256, (3, 1, 1), generator=generator)
    return frames


def options(**changes):
    chosen = {"channels": [16, 16], "steps": 4, "batch": 4, "learning_rate": 3e-3}
    return DecoderOptions.model_validate({**chosen, **changes})


def test_it_learns_to_draw_what_the_features_tell():
    frames = squares(16, 16)
    train, val = frames[:48], frames[48:]
    codec = fit_feature_codec(Pooled(4), train, options(steps=150, channels=[16, 16, 16]), seed=0)
    decoded = codec.decode(codec.encode(val).mean)
    mean_image = train.float().mean(0).round().to(torch.uint8).expand_as(val)
    assert psnr(decoded, val).mean() > psnr(mean_image, val).mean() + 5


def test_latents_are_those_of_the_backbone():
    frames, backbone = squares(16, 16), Pooled(4)
    raw = fit_feature_codec(backbone, frames, options(), seed=0).encode(frames)
    assert torch.equal(raw.mean, backbone.encode(frames))
    assert raw.std is None


def test_only_one_batch_is_encoded_at_a_time():
    backbone = Pooled(4)
    fit_feature_codec(backbone, squares(16, 16), options(), seed=0)
    assert backbone.largest == 4


@pytest.mark.parametrize(
    ("size", "patch", "channels"),
    [
        ((16, 16), 4, [16, 16, 8]),
        ((24, 40), 8, [16, 16, 8]),
        ((36, 60), 12, [16, 8, 8]),
        ((16, 28), 4, [12]),
        ((16, 16), 2, [8, 8, 6]),
    ],
)
def test_every_size_of_frames_comes_back(size, patch, channels):
    frames = squares(*size)
    codec = fit_feature_codec(Pooled(patch), frames, options(channels=channels, steps=1), seed=0)
    decoded = codec.decode(codec.encode(frames[:3]).mean)
    assert decoded.shape == (3, 3, *size)
    assert decoded.dtype == torch.uint8


@pytest.mark.parametrize("size", [(16, 24), (20, 28)])
def test_a_saved_one_is_the_same_one(tmp_path, size):
    frames, backbone = squares(*size), Pooled(4)
    codec = fit_feature_codec(backbone, frames, options(channels=[16, 8]), seed=0)
    codec.save(tmp_path)
    loaded = load_feature_codec(backbone, tmp_path)
    latents = codec.encode(frames[:4]).mean
    assert torch.equal(loaded.decode(latents), codec.decode(latents))
    assert (tmp_path / "patch.txt").read_text() == "4"


def test_the_seed_alone_decides_the_bytes(tmp_path):
    frames, written = squares(16, 16), []
    for number, seed in enumerate([0, 0, 1]):
        folder = tmp_path / str(number)
        folder.mkdir()
        torch.manual_seed(number)
        fit_feature_codec(Pooled(4), frames, options(), seed=seed).save(folder)
        written.append((folder / "decoder.safetensors").read_bytes())
    assert written[0] == written[1] != written[2]


def test_the_global_generator_is_left_alone():
    torch.manual_seed(0)
    before = torch.get_rng_state()
    fit_feature_codec(Pooled(4), squares(16, 16), options(steps=1), seed=0)
    assert torch.equal(torch.get_rng_state(), before)


def test_the_scale_of_the_features_does_not_matter():
    torch.manual_seed(0)
    decoder = Decoder(CHANNELS, [8, 8], (8, 8))
    latents = torch.randn(4, CHANNELS, 4, 4)
    scale, offset = torch.tensor([[1e-3, 1.0, 40.0, 7.0, 0.5], [5.0, 0.0, -900.0, 1.0, 2.0]])
    decoder.set_statistics(latents)
    first = decoder(latents)
    scaled = latents * scale[:, None, None] + offset[:, None, None]
    decoder.set_statistics(scaled)
    torch.testing.assert_close(decoder(scaled), first, atol=2e-3, rtol=0)
    torch.testing.assert_close(decoder.mean, scaled.mean((0, 2, 3)))


def test_an_error_in_a_dead_channel_weighs_no_more_than_in_another(generator):
    decoder = Decoder(3, [8, 8], (8, 8))
    latents = torch.randn(4, 3, 4, 4, generator=generator)
    latents[:, 2] = 7.7
    decoder.set_statistics(latents)
    off = torch.eye(3)[:, :, None, None] / 10
    changes = (decoder(latents[:1] + off) - decoder(latents[:1])).abs().amax((1, 2, 3))
    assert changes[2] < 3 * changes[:2].max()
    assert decoder.std[2] == pytest.approx(float(decoder.std[:2].square().mean().sqrt()))
    decoder.set_statistics(torch.full_like(latents, 7.7))
    assert decoder.std.tolist() == [1.0] * 3


def test_white_and_black_are_the_ends_of_the_scale():
    decoder = Decoder(CHANNELS, [8], (4, 4))
    torch.nn.init.zeros_(decoder.output.weight)
    with torch.no_grad():
        decoder.output.bias.copy_(torch.tensor([-1.2, 0.0, 1.2]))
    decoded = FeatureCodec(Pooled(4), decoder).decode(torch.zeros(1, CHANNELS, 4, 4))
    assert decoded[0, :, 0, 0].tolist() == [0, 128, 255]
