"""Sampling walks the reference's matrices to the reference's samples."""

import re

import numpy as np
import pytest
import torch
from helpers import GOLDEN, default, every, golden, golden_arrays, scaled_error
from safetensors.torch import load_file

from pipeline.train.samplers import ddim_timesteps, sample
from pipeline.train.size import Size
from pipeline.variants import DENOISERS, OBJECTIVES, SAMPLERS

MATRICES = golden_arrays("scheduling_matrices")
NAMED = [name for name in MATRICES if name.startswith(tuple(every(SAMPLERS)))]


def build(family, name, *arguments, **changes):
    module, options = default(family, name, **changes)
    return module.build(options, *arguments)


@pytest.fixture(scope="module")
def tiny():
    size = Size(latent_shape=(4, 8, 8), action_dim=3, frames=4)
    model = build(DENOISERS, "nanowm", size, width=64, depth=4)
    state = load_file(GOLDEN / "tiny_additive.safetensors")
    model.load_state_dict({name: value.float() for name, value in state.items()})
    return model


@pytest.mark.parametrize("name", [name for name in MATRICES if name.startswith("ddim")])
def test_timesteps_are_the_references(name):
    steps = int(name.removeprefix("ddim_steps_S"))
    np.testing.assert_array_equal(ddim_timesteps(steps, 1000).flip(0).numpy(), MATRICES[name])


@pytest.mark.parametrize("name", NAMED)
def test_matrices_are_the_references(name):
    kind, frames, context, steps = re.fullmatch(r"(\w+)_F(\d+)_ctx(\d+)_S(\d+)", name).groups()
    timesteps = ddim_timesteps(int(steps), 1000)
    matrix = build(SAMPLERS, kind).matrix(int(frames), int(context), timesteps)
    np.testing.assert_array_equal(matrix.numpy(), MATRICES[name])


@pytest.mark.parametrize("name", every(SAMPLERS))
def test_every_frame_ends_clean_and_none_grows_noisier(name):
    matrix = build(SAMPLERS, name).matrix(6, 2, ddim_timesteps(7, 1000))
    assert (matrix[:, :2] == -1).all()
    assert (matrix[0, 2:] == 999).all()
    assert (matrix[-1] == -1).all()
    assert (matrix.diff(dim=0) <= 0).all()
    assert (matrix.diff(dim=0) < 0).any(1).all()


@pytest.mark.parametrize(
    ("objective", "sampler", "steps"),
    [
        ("x", "sequential", 5),
        ("x", "full_sequence", 5),
        ("x", "full_sequence", 10),
        ("v", "sequential", 5),
        ("v", "sequential", 10),
        ("v", "full_sequence", 5),
        ("v", "full_sequence", 10),
    ],
)
@pytest.mark.parametrize("causal", [True, False])
def test_samples_are_the_references(tiny, objective, sampler, steps, causal):
    arrays = golden("dfot_samples")
    name = f"{objective}/{sampler}_S{steps}_h0_ctx1"
    matrix = build(SAMPLERS, sampler).matrix(4, 1, ddim_timesteps(steps, 1000))
    window = torch.cat([arrays("context")[:, :1], arrays("init_noise")[:, 1:]], 1)
    process = build(OBJECTIVES, objective)
    samples = sample(tiny, process, matrix, window, arrays("action"), causal=causal)
    assert scaled_error(samples, arrays(name)) < 1e-4


def test_leaving_out_frames_not_yet_begun_changes_nothing(tiny):
    arrays = golden("dfot_samples")
    matrix = build(SAMPLERS, "sequential").matrix(4, 1, ddim_timesteps(5, 1000))
    window = torch.cat([arrays("context")[:, :1], arrays("init_noise")[:, 1:]], 1)
    arguments = (tiny, build(OBJECTIVES, "x"), matrix, window, arrays("action"))
    fast, slow = (sample(*arguments, causal=causal) for causal in (True, False))
    assert scaled_error(fast, slow) < 1e-5
