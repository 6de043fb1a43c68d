"""A toy of a walking robot, with a cache of its walks and a small random model of it."""

import numpy as np
import torch
from helpers import PARAMS

from pipeline.diffusion.config import VariantConfig
from pipeline.dynamics.state_config import StateConfig
from pipeline.dynamics.state_model import StateModel
from pipeline.episodes.episode import Episode
from pipeline.episodes.groups import OBSERVED, SYSTEM_STATE, TERMINATION
from pipeline.families import STATE
from pipeline.latents import writer
from pipeline.latents.cache import open_cache
from pipeline.latents.shard_layout import shard_rows
from pipeline.latents.spec import EpisodeEntry, Seal
from pipeline.tools.parity.latent_spec import latent_spec
from pipeline.worlds import World

PERIOD, H = 0.02, 3
META = {"vx": 0.5, "vy": 0.0, "wz": 0.0, "dt": PERIOD}
SPEED = SYSTEM_STATE.part("base_linear_velocity").start


class Toy(World):
    """Its forward velocity is the first action; it falls where the second is above .9."""

    state_dim = OBSERVED
    low, high = np.full(12, -1, np.float32), np.full(12, 1, np.float32)

    def sample(self, rng):
        state = np.zeros(OBSERVED, np.float32)
        state[8] = -1  # gravity
        state[SPEED] = rng.uniform(0, 0.1)
        return state, state, META

    def restore(self, state, meta):
        self.state = state.copy()

    def snapshot(self):
        return self.state.copy()

    def step(self, action):
        self.state[SPEED] = action[0]
        self.state[TERMINATION] = action[1] > 0.9

    def collect(self, episodes, steps, seed):
        rng = np.random.default_rng(seed)
        for number in range(episodes):
            self.restore(self.sample(rng)[0], META)
            actions = rng.uniform(-1, 0.8, (steps, 12)).astype(np.float32)
            states = [self.snapshot()]
            for action in actions[:-1]:
                self.step(action)
                states.append(self.snapshot())
            if number == 0:
                states[-1][TERMINATION] = 1
            frames = np.zeros((steps, 2, 2, 3), np.uint8)
            yield Episode(f"toy_{number:03d}", frames, actions, np.stack(states), META)


def toy_cache(folder, meta=META):
    """A sealed cache of 6 episodes of the toy."""
    made = list(Toy().collect(6, 12, 0))
    states, actions = [e.states for e in made], [e.actions for e in made]
    rows, acted = np.concatenate(states), np.concatenate(actions)
    latents = rows[:, : SYSTEM_STATE.width]
    moments = {n: getattr(acted, n)(0).tolist() for n in ("mean", "std", "min", "max")}
    spec = latent_spec([1.0] * SYSTEM_STATE.width, moments).model_copy(
        update={
            "encoder": STATE,
            "state_dim": OBSERVED,
            "mean": [0.0] * SYSTEM_STATE.width,
            "normalise_actions": False,
        }
    )
    columns = {n: column for n, column in spec.columns().items() if column.strided}
    shard = shard_rows(len(latents), columns["mean"].row_bytes)
    writer.create(folder, columns, len(latents), shard)
    for start in range(0, len(latents), shard):
        part = latents[start : start + shard].astype(np.float16)
        writer.write_rows(folder, start, {"mean": part[..., None, None]})
    entries = [
        EpisodeEntry(key=e.key, split="train" if n < 5 else "val", length=12, meta=dict(meta))
        for n, e in enumerate(made)
    ]
    writer.seal(folder, {"actions": actions, "states": states}, Seal(spec=spec, episodes=entries))
    return open_cache(folder)


def toy_model(spec):
    options = {**PARAMS["state_models"]["gru"], "width": 8, "layers": 1, "heads": 2}
    options |= {"head_width": 8, "history": H}
    config = StateConfig(
        state_model=VariantConfig(name="gru", options=options),
        frames=H + 4,
        interval=1,
        spec=spec,
        contacts=8,
        terminates=True,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return StateModel(config, torch.device("cpu"))
