"""Conformance of a sampler; see `pipeline.samplers.Sampler`."""

import pytest
import torch
from torch import Tensor

from pipeline.families import Module
from pipeline.params import Params, Variant
from pipeline.samplers import SAMPLERS, Sampler
from pipeline.testing.member import MemberTests

Member = Variant[Module[Sampler, Params], Params]

CLEAN = -1
"""The level of a clean frame."""
FRAMES = 6
TIMESTEPS = {1: [999, CLEAN], 4: [999, 700, 300, 20, CLEAN]}
"""Levels that frames pass through, by the number of steps."""


class SamplerTests(MemberTests):
    """The promises of a Sampler: its matrix for six frames, of which some are context."""

    family = SAMPLERS

    @pytest.fixture(params=TIMESTEPS)
    def steps(self, request: pytest.FixtureRequest) -> int:
        """Number of steps that a frame takes."""
        steps: int = request.param
        return steps

    @pytest.fixture(params=[0, 1, 2, 5])
    def context(self, request: pytest.FixtureRequest) -> int:
        """Number of context frames."""
        context: int = request.param
        return context

    @pytest.fixture
    def matrix(self, member: Member, steps: int, context: int) -> Tensor:
        """The scheduling matrix [rows, FRAMES]."""
        return member.build().matrix(FRAMES, context, torch.tensor(TIMESTEPS[steps]))

    def test_a_row_holds_the_level_of_every_frame(self, matrix: Tensor) -> None:
        assert matrix.dtype == torch.int64
        assert matrix.ndim == 2
        assert matrix.shape[1] == FRAMES

    def test_context_is_clean_throughout(self, matrix: Tensor, context: int) -> None:
        assert (matrix[:, :context] == CLEAN).all()

    def test_it_goes_from_all_noise_to_all_clean(self, matrix: Tensor, context: int) -> None:
        assert (matrix[0, context:] == 999).all()
        assert (matrix[-1] == CLEAN).all()

    def test_no_frame_grows_noisier_and_every_row_changes_one(self, matrix: Tensor) -> None:
        assert (matrix.diff(dim=0) <= 0).all()
        assert (matrix.diff(dim=0) < 0).any(1).all()

    def test_frames_that_are_noised_anew_move_one_at_a_time(
        self, member: Member, matrix: Tensor
    ) -> None:
        if member.build().renoises:
            assert ((matrix.diff(dim=0) != 0).sum(1) == 1).all()

    def test_frames_stop_at_the_given_timesteps_alone(self, matrix: Tensor, steps: int) -> None:
        assert set(matrix.flatten().tolist()) <= set(TIMESTEPS[steps])

    def test_the_matrix_is_no_view_of_the_timesteps(self, member: Member, steps: int) -> None:
        timesteps = torch.tensor(TIMESTEPS[steps])
        matrix = member.build().matrix(FRAMES, 1, timesteps)
        matrix += 1
        assert timesteps.tolist() == TIMESTEPS[steps]
