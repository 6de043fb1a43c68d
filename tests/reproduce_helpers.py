"""A published.json of one tiny invented run, and a dvc that only writes down what it is told."""

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


FAKE_DVC = """\
#!{python}
import json, pathlib, sys
told = pathlib.Path({told!r})
told.write_text(json.dumps([*json.loads(told.read_text()), sys.argv[1:]]))
if sys.argv[1:3] == ["exp", "list"]:
    print({taken!r})
else:
    metrics = pathlib.Path("metrics")
    metrics.mkdir(exist_ok=True)
    (metrics / "evaluate_mean.json").write_text(json.dumps({{"model": {{"psnr": {psnr}}}}}))
    sys.exit({code})
"""


def fake_dvc(folder, *, psnr=20.0, taken="", code=0):
    """A folder with such a dvc, and the file in which it writes down its arguments."""
    folder.mkdir()
    told, program = folder / "told.json", folder / "dvc"
    told.write_text("[]")
    program.write_text(
        FAKE_DVC.format(python=sys.executable, told=str(told), taken=taken, psnr=psnr, code=code)
    )
    program.chmod(0o755)
    return told
