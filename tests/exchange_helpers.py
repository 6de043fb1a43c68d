"""Tiny checkpoints in the reference's format, with the golden weights."""

import json

import torch
import yaml
from helpers import GOLDEN
from safetensors.torch import load_file, save_file
from typer.testing import CliRunner

from pipeline.__main__ import app

INJECTIONS = ["additive", "adaln", "adaln_fuse", "film", "cross_attention"]
CONFIG = {
    "name": "dino_wm_pusht",
    "model": {
        "arch": "NanoWM-test/2",
        "name": "NanoWM-test-2",
        "num_frames": 4,
        "n_context_frames": 1,
        "use_action": True,
        "action_injection": {"type": "additive"},
        "causal": True,
        "image_size": 64,
        "latent_size": 8,
        "extras": 1,
        "num_classes": 1000,
    },
    "dataset": {
        "name": "dino_wm_pusht",
        "frame_interval": 3,
        "spec": {"action_dim": 1, "state_dim": 5},
        "loader": {"normalize_action": False, "data_path": "${dataset_dir}/pusht"},
    },
    "experiment": {
        "diffusion": {
            "noise_schedule": "squaredcos_cap_v2",
            "pred_name": "v",
            "zero_terminal_snr": True,
            "snr_gamma": 5.0,
        }
    },
}


def weights(injection="additive"):
    state = load_file(GOLDEN / f"tiny_{injection}.safetensors")
    return {name: value.float() for name, value in state.items()}


def write(folder, state, values=CONFIG, name="model.safetensors"):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.yaml").write_text(yaml.safe_dump(values))
    if name.endswith(".safetensors"):
        save_file(state, folder / name)
    else:
        torch.save({"state_dict": state, "epoch": 3}, folder / name)
    return folder / name


def changed(**changes):
    values = json.loads(json.dumps(CONFIG))
    for dotted, value in changes.items():
        *parents, last = dotted.split("__")
        block = values
        for parent in parents:
            block = block[parent]
        block[last] = value
    return values


def wm(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])
