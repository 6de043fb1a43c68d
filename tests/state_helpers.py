"""Caches of the states of a linear system, and state models of it."""

from pathlib import Path

import numpy as np
import torch
from helpers import PARAMS, default
from torch import Tensor

from pipeline.diffusion.config import VariantConfig
from pipeline.dynamics.state_config import StateConfig
from pipeline.dynamics.state_model import StateModel
from pipeline.encoders import Encoder
from pipeline.families import STATE
from pipeline.latents import writer
from pipeline.latents.cache import LatentCache, open_cache
from pipeline.latents.shard_layout import shard_rows
from pipeline.latents.spec import EpisodeEntry, LatentSpec, Seal
from pipeline.state_models import STATE_MODELS
from pipeline.tools.parity.latent_spec import latent_spec

STATES, ACTIONS, CONTACTS = 4, 2, 2
SMALL = {"gru": {"width": 16, "layers": 1}, "mlp": {"widths": [32]}}
QUICK = {"heads": 2, "head_width": 8, "history": 3}


class Strip(Encoder):
    """In place of an encoder: a state is drawn as a strip of grey."""

    decoder_kind = "own"

    def to(self, device: torch.device) -> "Strip":
        return self

    def decode(self, latents: Tensor) -> Tensor:
        grey = (latents.clamp(-2, 2) * 60 + 128).to(torch.uint8)  # [B, S, 1, 1]
        return grey.transpose(1, 3).expand(-1, 3, 16, -1).repeat_interleave(4, -1)

    def decode_float(self, latents: Tensor) -> Tensor:
        return self.decode(latents).float() / 255


def walk(length: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """States [T, S + C + 1] and actions [T, A] of s' = 0.9 R s + B a; row t leads to t + 1."""
    draw = np.random.default_rng(seed)
    turn = np.kron(np.eye(2), [[0.8, -0.4], [0.4, 0.8]])
    push = np.array([[1, 0], [0, 0.5], [0, 1], [0.5, 0]])
    actions = draw.normal(size=(length, ACTIONS))
    states = [draw.normal(size=STATES)]
    for action in actions[:-1]:
        states.append(turn @ states[-1] + push @ action)
    rows = np.stack(states)
    contacts = rows[:, :CONTACTS] > 0
    ended = np.zeros((length, 1))
    ended[-1] = seed % 2
    return np.concatenate([rows, contacts, ended], 1).astype(np.float32), actions.astype(np.float32)


def linear_cache(folder: Path, episodes: int = 12, length: int = 30) -> LatentCache:
    """A sealed cache of such walks, the last four of them for validation."""
    walks = [walk(length + number % 3, number) for number in range(episodes)]
    states = [rows for rows, _ in walks]
    latents = np.concatenate(states)[:, :STATES]
    actions = np.concatenate([own for _, own in walks])
    spec = latent_spec(
        latents.std(0).tolist(),
        {name: getattr(actions, name)(0).tolist() for name in ("mean", "std", "min", "max")},
    ).model_copy(
        update={"encoder": STATE, "state_dim": states[0].shape[1], "mean": latents.mean(0).tolist()}
    )
    columns = {name: column for name, column in spec.columns().items() if column.strided}
    shard = shard_rows(len(latents), columns["mean"].row_bytes)
    writer.create(folder, columns, len(latents), shard)
    for start in range(0, len(latents), shard):
        part = latents[start : start + shard].astype(np.float16)
        writer.write_rows(folder, start, {"mean": part[..., None, None]})
    entries = [
        EpisodeEntry(
            key=f"walk_{number:03d}",
            split="train" if number < episodes - 4 else "val",
            length=len(rows),
            meta={},
        )
        for number, rows in enumerate(states)
    ]
    rows = {"actions": [own for _, own in walks], "states": states}
    writer.seal(folder, rows, Seal(spec=spec, episodes=entries))
    return open_cache(folder)


def state_model(spec: LatentSpec, name: str = "gru", **changes: object) -> StateModel:
    """A small untrained model."""
    _, options = default(STATE_MODELS, name, **{**SMALL[name], **QUICK, **changes})
    config = StateConfig(
        state_model=VariantConfig(name=name, options=options.model_dump()),
        frames=options.history + 4,
        interval=1,
        spec=spec,
        contacts=CONTACTS,
        terminates=True,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return StateModel(config, torch.device("cpu"))


def state_params(name: str = "gru", **train: object) -> dict[str, object]:
    """params.yaml of a small state model that is trained for a few steps."""
    validation = {"every": 4, "clips": 6, "strips": 2, "sampling_steps": 1}
    forecast = {**PARAMS["train"]["state"], "forecast": 4}
    quick = {"steps": 12, "batch": 8, "save_every": 5, "warmup": 2, "validation": validation}
    block = {**PARAMS["state_models"][name], **SMALL[name], **QUICK}
    return {
        **PARAMS,
        "encoder": STATE,
        "encoders": {**PARAMS["encoders"], STATE: PARAMS["encoders"].get(STATE, {})},
        "state_model": name,
        "state_models": {**PARAMS["state_models"], name: block},
        "train": {**PARAMS["train"], **quick, "state": forecast, **train},
    }
