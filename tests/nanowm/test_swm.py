"""Solvers of stable-worldmodel plan with our models, at our cost."""

import warnings
from importlib.util import find_spec

import numpy as np
import pytest
import torch
from gymnasium.spaces import Box

from nanowm.swm import CostModel
from pipeline.compute import torchvision_shim
from pipeline.errors import UserError

HORIZON = 2
SIZE = 4
"""Numbers in a candidate's action: two environment steps of two numbers."""


@pytest.fixture
def info(frames):
    """What solvers are given: two environments, current frames and goals, not yet repeated."""
    return {"pixels": torch.from_numpy(frames[:, :1]), "goal": torch.from_numpy(frames[:, 2:])}


def repeated(info, candidates):
    """As solvers hand it on: the same for all candidates."""
    return {
        name: value[:, None].expand(2, candidates, *value.shape[1:]) for name, value in info.items()
    }


def candidates_of(count):
    return torch.randn(2, count, HORIZON, SIZE, generator=torch.Generator().manual_seed(1))


def test_a_cost_is_the_distance_of_the_last_latent_to_the_goal(model, info):
    cost, candidates = CostModel(model), candidates_of(3)
    costs = cost.get_cost(repeated(info, 3), candidates)
    assert costs.shape == (2, 3)
    actions = cost.space.actions(candidates)
    goal, now = model.encode(info["goal"][:, 0]), model.encode(info["pixels"])
    noise = cost.sampling.noise(
        2, 1, HORIZON, model.dynamics.spec.latent_shape, torch.Generator().manual_seed(0)
    )
    for row in range(2):
        alone = noise.part(row, row + 1)
        history = now[row : row + 1].expand(3, -1, -1, -1, -1)
        future = model.dynamics.rollout(history, actions[row], alone, cost.sampling)
        expected = (future[:, -1] - goal[row]).square().mean((1, 2, 3))
        torch.testing.assert_close(costs[row], expected, atol=1e-4, rtol=1e-4)


def test_frames_are_encoded_once_for_all_rounds_of_a_search(model, info, monkeypatch):
    encoded = []
    encode = model.encode
    monkeypatch.setattr(model, "encode", lambda frames: encoded.append(1) or encode(frames))
    cost, given = CostModel(model), repeated(info, 3)
    first = cost.get_cost(given, candidates_of(3))
    assert torch.equal(cost.get_cost(given, candidates_of(3)), first)
    assert len(encoded) == 2
    swapped = {"pixels": given["goal"], "goal": given["pixels"]}
    assert not torch.equal(cost.get_cost(swapped, candidates_of(3)), first)
    assert len(encoded) == 4


def test_gradients_reach_the_candidates(model, info):
    candidates = candidates_of(3).requires_grad_()
    CostModel(model).get_cost(repeated(info, 3), candidates).sum().backward()
    assert candidates.grad.abs().sum((2, 3)).min() > 0
    assert all(weight.grad is None for weight in model.parameters())


def test_the_scaler_goes_to_standardised_actions_and_back(model):
    scaler = CostModel(model).action_scaler
    low, high = scaler.bounds()
    inside = low + (high - low) * np.linspace(0, 1, 5, dtype=np.float32)[:, None]
    there = scaler.inverse_transform(inside)
    assert there.dtype == np.float32
    np.testing.assert_allclose(scaler.transform(there), inside, atol=1e-5)
    recorded = model.dynamics.spec.actions
    np.testing.assert_allclose(scaler.inverse_transform(high + 9), recorded["max"], rtol=1e-6)
    np.testing.assert_allclose(scaler.inverse_transform(low - 9), recorded["min"], rtol=1e-6)


@pytest.mark.parametrize(
    ("changes", "size", "message"),
    [
        ({}, 2, r"\[2, 3, 2, 2\], not \[B, S, horizon, 4\].* set action_block = 2 in PlanConfig"),
        ({"goal": None}, 4, "info has no 'goal', only pixels"),
        ({"goal": torch.zeros(2, 3, 1, 3, 16, 16)}, 4, "are float32 .*, not uint8"),
        ({"pixels": torch.zeros(2, 3, 16, 16, 3)}, 4, r"info\['pixels'\] is \[2, 3, 16, 16, 3\]"),
    ],
)
def test_what_does_not_fit_is_told_in_one_line(model, info, changes, size, message):
    given = {**repeated(info, 3), **changes}
    given = {name: value for name, value in given.items() if value is not None}
    with pytest.raises(UserError, match=message):
        CostModel(model).get_cost(given, torch.zeros(2, 3, HORIZON, size))


@pytest.fixture(scope="module")
def solvers():
    """The solvers of stable-worldmodel, which CI does not install."""
    if find_spec("stable_worldmodel") is None:
        pytest.skip("stable-worldmodel is not installed: `make test-swm` does so")
    torchvision_shim.make_importable()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of environments that are not installed with it
        from stable_worldmodel import solver
    return solver


SOLVERS = {
    "CEMSolver": {"num_samples": 32, "n_steps": 4, "topk": 6},
    "ICEMSolver": {"num_samples": 32, "n_steps": 4, "topk": 6},
    "MPPISolver": {"num_samples": 32, "n_steps": 4, "topk": 6, "temperature": 0.05},
    "PredictiveSamplingSolver": {"num_samples": 32},
    "GradientSolver": {
        "num_samples": 4,
        "n_steps": 4,
        "optimizer_cls": torch.optim.Adam,
        "optimizer_kwargs": {"lr": 0.1},
    },
    "LagrangianSolver": {
        "num_samples": 4,
        "n_steps": 4,
        "n_outer_steps": 1,
        "optimizer_kwargs": {"lr": 0.1},
    },
}


@pytest.mark.parametrize("name", SOLVERS)
def test_the_solvers_of_stable_worldmodel_lower_our_cost(name, solvers, model, info):
    from stable_worldmodel.policy import PlanConfig

    cost = CostModel(model)
    low, high = cost.action_scaler.bounds()
    solver = getattr(solvers, name)(cost, batch_size=2, **SOLVERS[name])
    config = PlanConfig(horizon=HORIZON, receding_horizon=1, action_block=cost.interval)
    space = Box(np.stack([low] * 2), np.stack([high] * 2))
    solver.configure(action_space=space, n_envs=2, config=config)
    plans = solver.solve(dict(info))["actions"]
    assert plans.shape == (2, HORIZON, SIZE)
    both = torch.stack([plans, torch.zeros_like(plans)], 1)
    found, zeros = cost.get_cost(repeated(info, 2), both).T
    assert (found < zeros).all()


def test_its_policy_acts_in_the_units_of_the_environment(solvers, model, frames):
    from gymnasium.spaces import Box
    from stable_worldmodel.policy import PlanConfig, WorldModelPolicy

    class Environments:
        """Two environments, as far as a policy looks at them."""

        num_envs = 2
        single_action_space = Box(-9, 9, (2,))
        action_space = Box(-9, 9, (2, 2))

    cost = CostModel(model)
    solver = solvers.CEMSolver(cost, num_samples=8, n_steps=2, topk=2)
    config = PlanConfig(horizon=HORIZON, receding_horizon=1, action_block=cost.interval)
    policy = WorldModelPolicy(solver, config, process={"action": cost.action_scaler})
    policy.set_env(Environments())
    nothing = np.full((2, 1, 2), np.nan, np.float32)
    seen = {"pixels": frames[:, :1], "goal": frames[:, 2:], "action": nothing}
    recorded = model.dynamics.spec.actions
    for _ in range(3):  # of which the third needs another plan
        action = policy.get_action(dict(seen))
        assert action.shape == (2, 2)
        assert (action >= np.float32(recorded["min"]) - 1e-6).all()
        assert (action <= np.float32(recorded["max"]) + 1e-6).all()
