"""A published.json of one tiny invented run, and a fake dvc that records its arguments."""

import json
import sys

TINY = {
    "paper": "Invented",
    "tolerance": {"psnr": {"absolute": 100, "relative": 0}, "fid": {"absolute": 1, "relative": 0}},
    "data": {"wall": {"frames": 480, "action_dim": 2}},
    "bases": {
        "shared": {
            "until": "evaluate",
            "aliases": [],
            "gpus": 2,
            "per_gpu": 3,
            "checkpoint": None,
            "latent": {"shape": [4, 8, 8], "arrays": 2},
            "network": {"parameters": 883_120, "forward_flops": 10**9},
            "overrides": {
                "dataset": "wall",
                "encoder": "patch_pca",
                "train.steps": 4,
                "train.clip": None,
            },
            "figures": {"psnr": 20.0, "fid": 3.0},
            "note": "First.",
        }
    },
    "runs": {
        "tiny": {
            "extends": "shared",
            "place": "nowhere",
            "overrides": {"denoisers.nanowm.size": "nano", "train.betas": [0.9, 0.95]},
            "note": "Second.",
        }
    },
}


def write(folder, values=TINY):
    path = folder / "published.json"
    path.write_text(json.dumps(values))
    return path


def measured(**model):
    """Metrics files of evaluate, by name, whose scores of the model are these."""
    scores = {"latent_mse": 0.1, "psnr": 20.0, "ssim": 0.994}
    others = ("repeat_last", "shuffled_actions", "zero_actions")
    errors = dict.fromkeys(("start", "true", "zero", "random"), 0.1)
    by_metric = {"mse": errors, "cosine": errors}
    return {
        "evaluate_mean": {
            "decoder": "own",
            "model": scores | model,
            **dict.fromkeys(others, scores),
        },
        "actions": {
            "clips": 4,
            **by_metric,
            "published": by_metric,
            "embedding_rms": None,
            "latent": "sd_vae",
            "whitening": "none",
        },
    }


FAKE_DVC = """\
#!{python}
import json, pathlib, sys
record = pathlib.Path({record!r})
record.write_text(json.dumps([*json.loads(record.read_text()), sys.argv[1:]]))
if sys.argv[1:3] == ["exp", "list"]:
    print({taken!r})
else:
    metrics = pathlib.Path("metrics")
    metrics.mkdir(exist_ok=True)
    for name, values in json.loads({metrics!r}).items():
        (metrics / f"{{name}}.json").write_text(json.dumps(values))
    sys.exit({code})
"""


def fake_dvc(folder, *, psnr=20.0, taken="", code=0):
    """Make a folder with a fake dvc; returns the file in which it records its arguments."""
    folder.mkdir()
    record, program = folder / "arguments.json", folder / "dvc"
    record.write_text("[]")
    program.write_text(
        FAKE_DVC.format(
            python=sys.executable,
            record=str(record),
            taken=taken,
            metrics=json.dumps(measured(psnr=psnr)),
            code=code,
        )
    )
    program.chmod(0o755)
    return record
