"""Conformance of an encoder; see `pipeline.encoders.Encoder`."""

import math
from pathlib import Path
from typing import ClassVar, get_args

import pytest
import torch
from torch import Tensor

from pipeline import encoders
from pipeline.encoders import ENCODERS, Encoder, EncoderModule, Posterior
from pipeline.metrics.schema import DecoderKind
from pipeline.params import Params, Variant
from pipeline.testing.member import MemberTests

Member = Variant[EncoderModule, Params]


class EncoderTests(MemberTests):
    """The promises of an Encoder, fitted once to 64 small frames of a moving square."""

    family = ENCODERS
    frame_size: ClassVar[tuple[int, int]] = (32, 32)
    """Height and width of the frames; choose another where your encoder cannot take it."""
    device: ClassVar[torch.device] = torch.device("meta")
    """Where the encoder is moved. `meta` needs no GPU, as it computes shapes alone; choose a real
    device if yours must see values, as `.item()` or numpy do."""

    @pytest.fixture(scope="class")
    @classmethod
    def frames(cls) -> Tensor:
        """Frames uint8 [64, 3, H, W] to fit to."""
        return squares(64, *cls.frame_size)

    @pytest.fixture(scope="class")
    @classmethod
    def encoder(cls, member: Member, frames: Tensor) -> Encoder:
        """The encoder, fitted."""
        return fitted(member, frames)

    @pytest.fixture(scope="class")
    @classmethod
    def folder(
        cls,
        member: Member,
        encoder: Encoder,
        tmp_path_factory: pytest.TempPathFactory,
    ) -> Path:
        """Where the fitted encoder was saved."""
        return saved(encoder, member, tmp_path_factory.mktemp(member.name) / "codec")

    def test_latents_are_finite_floats_without_gradient(
        self, encoder: Encoder, frames: Tensor
    ) -> None:
        posterior = encoder.encode(frames[:4])
        for latents in tensors(posterior):
            assert latents.shape == posterior.mean.shape
            assert latents.ndim == 4
            assert len(latents) == 4
            assert latents.dtype == torch.float32
            assert latents.isfinite().all()
            assert not latents.requires_grad

    def test_a_std_comes_with_stochastic_encoders_alone(
        self, encoder: Encoder, frames: Tensor
    ) -> None:
        std = encoder.encode(frames[:4]).std
        assert (std is not None) == encoder.stochastic
        if std is not None:
            assert (std > 0).all()

    def test_it_says_whose_decoder_it_has_and_which_scale_was_published(
        self, encoder: Encoder
    ) -> None:
        assert encoder.decoder_kind in get_args(DecoderKind)
        assert encoder.published_scale is None or encoder.published_scale > 0

    def test_the_latents_of_a_frame_do_not_depend_on_its_batch(
        self, encoder: Encoder, frames: Tensor
    ) -> None:
        batch = encoder.encode(frames[:8]).mean
        single = torch.cat([encoder.encode(frame).mean for frame in frames[:8].split(1)])
        torch.testing.assert_close(batch, single, atol=1e-4, rtol=1e-4)

    def test_the_same_frames_give_the_same_latents_and_no_random_number_is_drawn(
        self, encoder: Encoder, frames: Tensor
    ) -> None:
        before = torch.get_rng_state()
        first, second = (encoder.encode(frames[:8]) for _ in range(2))
        for latents, again in zip(tensors(first), tensors(second), strict=True):
            assert torch.equal(latents, again)
        assert torch.equal(encoder.decode(first.mean), encoder.decode(second.mean))
        assert torch.equal(before, torch.get_rng_state())

    def test_frames_are_not_written_to(self, encoder: Encoder, frames: Tensor) -> None:
        before = frames[:4].clone()
        latents = encoder.encode(frames[:4]).mean.clone()
        kept = latents.clone()
        encoder.decode(latents)
        assert torch.equal(frames[:4], before)
        assert torch.equal(latents, kept)

    def test_latents_decode_to_frames_of_the_same_size(
        self, encoder: Encoder, frames: Tensor
    ) -> None:
        decoded = encoder.decode(encoder.encode(frames[:8]).mean)
        assert decoded.dtype == torch.uint8
        assert decoded.shape == frames[:8].shape

    def test_bytes_are_rounded_floats(self, encoder: Encoder, frames: Tensor) -> None:
        latents = encoder.encode(frames[:4]).mean
        exact, decoded = encoder.decode_float(latents), encoder.decode(latents)
        assert exact.dtype == torch.float32
        assert exact.min() >= 0
        assert exact.max() <= 1
        torch.testing.assert_close(exact * 255, decoded.float(), atol=0.501, rtol=0)

    def test_it_encodes_under_autocast_to_bfloat16(self, encoder: Encoder, frames: Tensor) -> None:
        """`encode.precision: auto` computes so wherever the hardware does."""
        expected = encoder.encode(frames[:4])
        with torch.autocast("cpu", torch.bfloat16):
            posterior = encoder.encode(frames[:4])
        for latents, full in zip(tensors(posterior), tensors(expected), strict=True):
            assert latents.shape == full.shape
            assert latents.is_floating_point()
            assert latents.isfinite().all()

    def test_it_moves_as_a_whole_and_takes_tensors_from_any_device(
        self, encoder: Encoder, folder: Path, frames: Tensor
    ) -> None:
        """Weights left behind are an error, and so are results on the device of the input."""
        expected = encoder.encode(frames[:4])
        moved = encoders.load(folder)[1].to(self.device)
        for latents, original in zip(
            tensors(moved.encode(frames[:4])), tensors(expected), strict=True
        ):
            assert (latents.device.type, latents.shape) == (self.device.type, original.shape)
        decoded = moved.decode(torch.zeros(expected.mean.shape))
        assert (decoded.device.type, decoded.shape) == (self.device.type, frames[:4].shape)

    def test_a_loaded_encoder_is_the_one_that_was_saved(
        self, member: Member, encoder: Encoder, folder: Path, frames: Tensor
    ) -> None:
        name, loaded = encoders.load(folder)
        assert name == member.name
        latents = encoder.encode(frames[:4]).mean
        assert torch.equal(loaded.encode(frames[:4]).mean, latents)
        assert torch.equal(loaded.decode(latents), encoder.decode(latents))

    def test_smaller_latents_are_offered_by_the_option_that_gives_them(
        self, encoder: Encoder, frames: Tensor
    ) -> None:
        channels, height, width = encoder.encode(frames[:1]).mean.shape[1:]
        for option, shape in encoder.smaller((channels, height, width)).items():
            assert math.prod(shape) < channels * height * width, option

    def test_fit_metrics_are_numbers_or_null(self, encoder: Encoder, frames: Tensor) -> None:
        """Null where a number would not be finite, for which JSON has no word."""
        for metric, value in encoder.fit_metrics(frames).items():
            assert value is None or math.isfinite(value), metric

    def test_what_is_saved_is_data(self, folder: Path) -> None:
        """Nothing that loading would have to unpickle or run."""
        files = [path for path in folder.rglob("*") if path.is_file()]
        assert {path.suffix for path in files} <= {".safetensors", ".json"}

    def test_the_same_seed_fits_the_same_bytes(
        self, member: Member, folder: Path, frames: Tensor, tmp_path: Path
    ) -> None:
        again = saved(fitted(member, frames), member, tmp_path / "codec")
        assert encoders.digest(again) == encoders.digest(folder)


def squares(count: int, height: int, width: int) -> Tensor:
    """Frames uint8 [count, 3, H, W], black, with a square of any colour at any place in each."""
    generator = torch.Generator().manual_seed(0)
    side = min(height, width) // 4
    frames = torch.zeros(count, 3, height, width, dtype=torch.uint8)
    for frame in frames:
        y = int(torch.randint(height - side + 1, (), generator=generator))
        x = int(torch.randint(width - side + 1, (), generator=generator))
        colour = torch.randint(255, (3, 1, 1), generator=generator, dtype=torch.uint8)
        frame[:, y : y + side, x : x + side] = colour
    return frames


def fitted(member: Member, frames: Tensor) -> Encoder:
    """The member's encoder, fitted with seed 0."""
    return member.module.fit(frames, member.options, seed=0)


def saved(encoder: Encoder, member: Member, folder: Path) -> Path:
    """The folder, once the encoder is saved there."""
    encoders.save(encoder, member.name, member.options.model_dump(), folder)
    return folder


def tensors(posterior: Posterior) -> list[Tensor]:
    """Its mean, and its std if there is one."""
    return [t for t in (posterior.mean, posterior.std) if t is not None]
