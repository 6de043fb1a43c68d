"""Conformance of a denoiser; see `pipeline.denoisers.Denoiser`."""

from typing import ClassVar

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from pipeline.denoisers import DENOISERS, Denoiser, DenoiserModule, Size
from pipeline.episodes.cameras import Cameras, looking
from pipeline.latents.cameras import camera_rows, motions
from pipeline.params import Params, Variant
from pipeline.testing.member import MemberTests, scaled_error

Member = Variant[DenoiserModule, Params]

BATCH = 2
TOLERANCE = 1e-4
"""Of outputs that are the same but for the order of summation, relative to the largest."""
CLOSE = 2e-6
"""The same, where the network does not amplify it."""


class DenoiserTests(MemberTests):
    """The promises of a Denoiser, with every parameter drawn at random: no path is idle."""

    family = DENOISERS
    size: ClassVar[Size] = Size(latent_shape=(4, 8, 8), action_dim=3, frames=4)
    """Latents, actions and window to build it for; four frames or more."""

    @pytest.fixture
    def network(self, member: Member) -> Denoiser:
        """The network, as it is sampled with."""
        network = member.module.build(member.options, self.size)
        generator = torch.Generator().manual_seed(0)
        for parameter in network.parameters():
            torch.nn.init.normal_(parameter, std=0.1, generator=generator)
        return network.eval().requires_grad_(False)

    @pytest.fixture
    def window(self) -> tuple[Tensor, Tensor, Tensor]:
        """Latents [B, T, C, h, w], their levels [B, T] and actions [B, T, A]."""
        return window_for(self.size)

    def test_the_output_has_the_shape_of_the_latents(
        self, network: Denoiser, window: tuple[Tensor, Tensor, Tensor]
    ) -> None:
        noisy, level, actions = window
        for length in range(1, self.size.frames + 1):
            output = network(noisy[:, :length], level[:, :length], actions[:, :length])
            assert output.shape == noisy[:, :length].shape
            assert output.dtype == noisy.dtype
            assert output.isfinite().all()

    def test_actions_may_be_unknown(
        self, network: Denoiser, window: tuple[Tensor, Tensor, Tensor]
    ) -> None:
        noisy, level, _ = window
        assert network(noisy, level, None).shape == noisy.shape

    def test_actions_are_embedded_as_one_vector_a_frame(
        self, network: Denoiser, window: tuple[Tensor, Tensor, Tensor]
    ) -> None:
        embedded = network.embed_actions(window[2])
        assert embedded is None or (embedded.ndim, embedded.shape[:2]) == (3, window[2].shape[:2])

    def test_the_grid_is_a_number_of_rows_and_columns(self, network: Denoiser) -> None:
        rows, columns = network.grid
        assert min(rows, columns) > 0

    def test_the_same_window_gives_the_same_output(
        self, network: Denoiser, window: tuple[Tensor, Tensor, Tensor]
    ) -> None:
        assert torch.equal(network(*window), network(*window))

    def test_a_single_level_holds_for_every_frame_of_its_clip(
        self, network: Denoiser, window: tuple[Tensor, Tensor, Tensor]
    ) -> None:
        noisy, level, actions = window
        expected = network(noisy, level[:, :1].expand_as(level), actions)
        assert scaled_error(network(noisy, level[:, 0], actions), expected) < TOLERANCE

    def test_frames_stand_one_after_the_other_unless_told_otherwise(
        self, network: Denoiser, window: tuple[Tensor, Tensor, Tensor]
    ) -> None:
        positions = torch.arange(self.size.frames)
        assert scaled_error(network(*window, positions), network(*window)) < TOLERANCE

    def test_the_last_action_of_a_window_is_unused(
        self, network: Denoiser, window: tuple[Tensor, Tensor, Tensor]
    ) -> None:
        noisy, level, actions = window
        changed = actions.clone()
        changed[:, -1] += 1
        assert torch.equal(network(noisy, level, actions), network(noisy, level, changed))

    def test_a_causal_network_does_not_see_later_frames(
        self, network: Denoiser, window: tuple[Tensor, Tensor, Tensor]
    ) -> None:
        """The action that leads to the first changed frame is changed too: it is after the rest."""
        require_causal(network)
        before = network(*window)
        noisy, level, actions = (values.clone() for values in window)
        noisy[:, 2:] += 1
        level[:, 2:] = 7
        actions[:, 1:] += 1
        after = network(noisy, level, actions)
        assert scaled_error(after[:, :2], before[:, :2]) < TOLERANCE
        assert scaled_error(after[:, 2:], before[:, 2:]) > TOLERANCE

    @pytest.mark.parametrize("first", [1, 3])
    def test_a_kv_cache_stands_for_the_frames_passed_through_it(
        self, network: Denoiser, window: tuple[Tensor, Tensor, Tensor], first: int
    ) -> None:
        require_causal(network)
        noisy, level, actions = window
        kv_cache, outputs = network.kv_cache(BATCH), []
        frames = torch.arange(self.size.frames)
        for part in (frames[:first], *frames[first:].split(1)):
            outputs.append(network(noisy[:, part], level[:, part], actions, part, kv_cache))
        assert scaled_error(torch.cat(outputs, 1), network(*window)) < TOLERANCE

    def test_a_frame_passed_through_again_replaces_itself_in_the_kv_cache(
        self, network: Denoiser, window: tuple[Tensor, Tensor, Tensor]
    ) -> None:
        require_causal(network)
        noisy, level, actions = window
        kv_cache, (first, second) = network.kv_cache(BATCH), torch.arange(2).split(1)
        network(noisy[:, first], level[:, first], actions, first, kv_cache)
        network(noisy[:, second] + 1, level[:, second], actions, second, kv_cache)
        again = network(noisy[:, second], level[:, second], actions, second, kv_cache)
        assert scaled_error(again, network(*window)[:, second]) < TOLERANCE

    def test_gradients_pass_through_the_kv_cache(
        self, network: Denoiser, window: tuple[Tensor, Tensor, Tensor]
    ) -> None:
        require_causal(network)
        noisy, level, actions = window[0].requires_grad_(), window[1], window[2].requires_grad_()
        whole = network(noisy, level, actions)[:, -1]
        kv_cache, frames = network.kv_cache(BATCH), torch.arange(self.size.frames)
        for part in frames.split(1):
            last = network(noisy[:, part], level[:, part], actions, part, kv_cache)
        expected, found = (
            torch.autograd.grad(output.square().sum(), (noisy, actions), allow_unused=True)
            for output in (whole, last)
        )
        for ours, other in zip(found, expected, strict=True):
            assert (ours is None) == (other is None)
            assert ours is None or scaled_error(ours, other) < TOLERANCE

    def test_a_clean_stream_gives_the_outputs_of_a_pass_for_every_frame(
        self, network: Denoiser, window: tuple[Tensor, Tensor, Tensor]
    ) -> None:
        require_causal(network)
        noisy, level, actions = window
        clean = noisy.flip(0).requires_grad_()
        both = network(noisy, level, actions, None, None, clean)
        outputs = []
        for frame in range(self.size.frames):
            frames = torch.cat([clean[:, :frame], noisy[:, frame : frame + 1]], 1)
            levels = torch.cat([torch.zeros_like(level[:, :frame]), level[:, frame : frame + 1]], 1)
            outputs.append(network(frames, levels, actions[:, : frame + 1])[:, frame])
        alone = torch.stack(outputs, 1)
        assert scaled_error(both.detach(), alone.detach()) < CLOSE
        found, expected = (torch.autograd.grad(of.square().sum(), clean) for of in (both, alone))
        assert scaled_error(found[0], expected[0]) < CLOSE

    def test_activation_checkpointing_changes_no_bit_of_outputs_and_gradients(
        self, network: Denoiser, window: tuple[Tensor, Tensor, Tensor]
    ) -> None:
        network.train().requires_grad_(True)
        kept = gradients(network, window)
        network.activation_checkpointing = True
        for ours, expected in zip(gradients(network, window), kept, strict=True):
            assert (ours is None) == (expected is None)
            assert ours is None or expected is None or torch.equal(ours, expected)

    def test_more_frames_than_the_window_are_refused(self, network: Denoiser) -> None:
        longer = self.size.frames + 1
        noisy = torch.zeros(1, longer, *self.size.latent_shape)
        actions = torch.zeros(1, longer, self.size.action_dim + self.size.motion_dim)
        with pytest.raises(ValueError, match=str(longer)):
            network(noisy, torch.zeros(1, longer, dtype=torch.int64), actions)

    def test_every_named_size_can_be_chosen(self, member: Member) -> None:
        values = member.options.model_dump()
        for name in member.module.SIZES:
            type(member.options).model_validate({**values, "size": name})


def window_for(size: Size) -> tuple[Tensor, Tensor, Tensor]:
    """Latents [B, T, C, h, w] of a whole window, their levels [B, T] and actions [B, T, A].

    Motions follow the actions if the size has them.
    """
    generator = torch.Generator().manual_seed(1)
    noisy = torch.randn((BATCH, size.frames, *size.latent_shape), generator=generator)
    level = torch.randint(1000, (BATCH, size.frames), generator=generator)
    actions = torch.randn((BATCH, size.frames, size.action_dim), generator=generator)
    moved = torch.from_numpy(_motions(size.frames))[..., : size.motion_dim]
    return (
        noisy,
        level,
        torch.cat([actions, moved], -1),
    )


def _motions(frames: int) -> NDArray[np.float32]:
    """Motions [B, T, MOTION] of cameras that wander, turn and zoom."""
    rng = np.random.default_rng(1)
    steps = rng.normal(0, 0.2, (BATCH, frames, 5)).cumsum(1)
    poses = [[looking(step[:3], *step[3:]) for step in clip] for clip in steps]
    intrinsics = rng.uniform(20, 40, (BATCH, frames, 4))
    cameras = map(Cameras, intrinsics, np.array(poses))
    return motions(np.stack([camera_rows(one, (48, 64)) for one in cameras]))


def require_causal(network: Denoiser) -> None:
    """Skip a test of what only causal networks promise."""
    if not network.causal:
        pytest.skip("the network is not causal")


def gradients(network: Denoiser, window: tuple[Tensor, Tensor, Tensor]) -> list[Tensor | None]:
    """Output of a window and the gradients of its error; None for a parameter without."""
    torch.manual_seed(0)  # dropout draws from the global generator
    output = network(*window)
    error = (output - window[0]).square().sum()
    return [output, *torch.autograd.grad(error, list(network.parameters()), allow_unused=True)]
