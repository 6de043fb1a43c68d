#!/usr/bin/env bash
# rsl-rl-lib 5.5.1: PPO trains on the next observation if an environment reuses its buffer.
#
# PPO.act keeps a reference to the observations; they are copied into the rollout in process_env_step, after
# env.step. A simulator that writes each step into the same tensors, as those on a GPU do, has replaced them by
# then: actions, log-probabilities and values of o[t] stand beside o[t+1]. Nothing is raised.
#
# Installs the pinned packages into a temporary folder, and fails if what is seen changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  rsl-rl-lib==5.5.1 tensordict==0.15.3 torch==2.13.0 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import io
from contextlib import redirect_stdout
from importlib.metadata import version
from typing import Any

import torch
from rsl_rl.algorithms import PPO
from rsl_rl.env import VecEnv
from tensordict import TensorDict

STEPS = 6


class Counter(VecEnv):
    """Two environments whose observation is the number of steps taken."""

    num_envs, num_actions, max_episode_length, device, cfg = 2, 1, 100, "cpu", {}

    def __init__(self, reuse: bool) -> None:
        self.reuse, self.count = reuse, torch.zeros(2, 1)
        self.episode_length_buf = torch.zeros(2, dtype=torch.long)

    def get_observations(self) -> TensorDict:
        count = self.count if self.reuse else self.count.clone()
        return TensorDict({"policy": count}, batch_size=[2])

    def step(self, actions: torch.Tensor) -> tuple[TensorDict, torch.Tensor, torch.Tensor, dict[str, Any]]:
        self.count += 1
        done = torch.zeros(2, dtype=torch.bool)
        return self.get_observations(), torch.zeros(2), done, {"time_outs": done}


def stored(reuse: bool) -> list[int]:
    """The observations that PPO has at the end of a rollout, of the first environment."""
    env = Counter(reuse)
    network = {"class_name": "MLPModel", "hidden_dims": [8], "activation": "elu"}
    config = {
        "num_steps_per_env": STEPS,
        "obs_groups": {"actor": ["policy"], "critic": ["policy"]},
        "multi_gpu": None,
        "actor": {**network, "distribution_cfg": {"class_name": "GaussianDistribution", "init_std": 1.0}},
        "critic": dict(network),
        "algorithm": {"class_name": "PPO"},
    }
    with redirect_stdout(io.StringIO()):  # it prints its networks
        ppo = PPO.construct_algorithm(env.get_observations(), env, config, "cpu")
    observations = env.get_observations()
    with torch.inference_mode():
        for _ in range(STEPS):
            observations, rewards, dones, extras = env.step(ppo.act(observations))
            ppo.process_env_step(observations, rewards, dones, extras)
    return ppo.storage.observations["policy"][:, 0, 0].int().tolist()


new, reused = stored(False), stored(True)
print(f"rsl-rl-lib {version('rsl-rl-lib')}, tensordict {version('tensordict')}, torch {torch.__version__}")
print("a new tensor each step:", new)
print("the same tensor:       ", reused)
assert new == [0, 1, 2, 3, 4, 5]
assert reused == [1, 2, 3, 4, 5, 6], "it was the next observation"
PYTHON
