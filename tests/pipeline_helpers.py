"""A workspace of its own with a smoke-sized configuration, and DVC to run in it."""

import copy
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml
from helpers import PARAMS, ROOT

BIN = Path(sys.executable).parent
ENVIRONMENT = {
    **os.environ,
    "PATH": f"{BIN}:{os.environ['PATH']}",
    "OMP_NUM_THREADS": "1",
    "DVC_NO_ANALYTICS": "1",
    "GIT_AUTHOR_NAME": "t",
    "GIT_AUTHOR_EMAIL": "t@example.org",
    "GIT_COMMITTER_NAME": "t",
    "GIT_COMMITTER_EMAIL": "t@example.org",
}
SMOKE = {
    "cluster.workers": 1,  # starting another process would take longer than the work
    "worlds.wall.episodes": 20,
    "worlds.wall.steps": 24,
    "worlds.wall.size": 32,
    "ingest.episodes_per_shard": 8,
    "ingest.train_share": 0.8,
    "encoders.tiny_vae.channels": [8, 16, 16],
    "encoders.tiny_vae.steps": 3,
    "encoders.tiny_vae.batch": 4,
    "encoders.patch_pca.patch": 4,
    **{
        f"encoders.{name}.{key}": value
        for name in ("tiny_dino", "tiny_jepa")
        for key, value in {
            "steps": 2,
            "decoder.steps": 2,
            "decoder.channels": [8, 8, 8],
        }.items()
    },
    "probe.readout.steps": 20,
    "probe.inverse.steps": 20,
    "denoisers.nanowm.size": {"width": 32, "depth": 2, "heads": 2},
    "train.steps": 60,
    "train.batch": 4,
    "train.warmup": 2,
    "train.save_every": 20,
    "train.validation": {"every": 15, "clips": 4, "strips": 2, "sampling_steps": 1},
    "evaluate.clips": 8,
    "evaluate.sampling.steps": 1,
    "evaluate.dreams": 2,
    "evaluate.dream_frames": 4,
    "distill.method": "consistency",
    "distill.steps": 2,
    "rollout.clips": 2,
    "rollout.windows": 2.0,
    "rollout.sampling.steps": 1,
    "rollout.videos": 1,
    "plan.goals": {"count": 3, "source": "dataset", "frames": [1, 1], "detour": None},
    "plan.max_trivial": 1.0,
    "plan.budget_frames": 1,
    "plan.horizon": 1,
    "plan.recorded": 2,
    "planners.icem.candidates": 8,
    "planners.icem.elites": 2,
    "planners.icem.rounds": 1,
}


def set_params(folder: Path, changes: dict[str, Any]) -> None:
    """Change dotted keys of a workspace's params.yaml."""
    path = folder / "params.yaml"
    path.write_text(dumped(with_changes(loaded(path), changes)))


def with_changes(values: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """A copy of the values of a params.yaml with other ones at some dotted keys."""
    copied = copy.deepcopy(values)
    for dotted, value in changes.items():
        *parents, last = dotted.split(".")
        block = copied
        for parent in parents:
            block = block[parent]
        block[last] = value
    return copied


def loaded(path: Path) -> dict[str, Any]:
    """The values of a params.yaml, in a sixth of the time of the reader that is all Python."""
    values: dict[str, Any] = yaml.load(path.read_text(), yaml.CSafeLoader)
    return values


def dumped(values: dict[str, Any]) -> str:
    """A params.yaml of these values, in a quarter of the time of the writer that is all Python."""
    return yaml.dump(values, Dumper=yaml.CSafeDumper, sort_keys=False)


def make_workspace(folder: Path) -> Path:
    """What a user has after a clone, with smoke-sized params, committed."""
    ignored = shutil.ignore_patterns("__pycache__")
    for package in ("nanowm", "pipeline"):
        shutil.copytree(ROOT / package, folder / package, ignore=ignored)
    for name in ("dvc.yaml", ".dvcignore", ".gitignore"):
        shutil.copy(ROOT / name, folder / name)
    (folder / ".dvc").mkdir()
    for name in (".dvc/config", ".dvc/.gitignore"):
        shutil.copy(ROOT / name, folder / name)
    (folder / "params.yaml").write_text(dumped(PARAMS))
    set_params(folder, SMOKE)
    run(folder, "git", "init", "-q")
    commit(folder)
    return folder


def commit(folder: Path) -> None:
    run(folder, "git", "add", "-A")
    run(folder, "git", "commit", "-q", "-m", "state", "--allow-empty")


def run(folder: Path, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a command in a workspace; `python` is the one that runs the tests."""
    done = subprocess.run(
        command, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    if check and done.returncode:
        raise AssertionError(f"{' '.join(command)}\n{done.stdout}\n{done.stderr}")
    return done


def executed(output: str) -> list[str]:
    """Stages that a `dvc repro` or `dvc exp run` really ran, in order."""
    return re.findall(r"Running stage '(\w+)'", output)


def results(folder: Path, *tops: str) -> dict[str, str]:
    """Digest of every output but measured times and the page that shows them, or below `tops`."""
    digests = {}
    for top in tops or ("data", "models", "metrics", "plots", "results"):
        for path in sorted((folder / top).rglob("*")):
            if path.is_file() and path.name != ".gitignore" and "seconds" not in path.parts:
                content = path.read_bytes()
                if path.name == "plan.json":
                    content = json.dumps(
                        {k: v for k, v in json.loads(content).items() if "seconds" not in k}
                    ).encode()
                name = str(path.relative_to(folder))
                digests[name] = hashlib.sha256(content).hexdigest()
    return digests
