"""Stages without work: what they need to know, and what they leave."""

import subprocess
import sys

import pytest
from helpers import ROOT

from pipeline.errors import ParamsError
from pipeline.files import skipped

RUN = """
import sys
sys.modules["torch"] = None
from pathlib import Path
from pipeline.distill.__main__ import command as distill
from pipeline.policy.__main__ import command as policy
from pipeline.rollout.__main__ import command as rollout
from pipeline.trajectories.__main__ import command as trajectories
no = Path("no")
trajectories(no, no, Path("trajectories"))
distill(no, no, no, Path("distill"), Path("distill.json"))
rollout(no, no, no, no, Path("rollout.json"), Path("rollout"))
policy(no, no, Path("policy"), Path("policy.json"))
"""


def test_a_stage_without_work_says_so_without_importing_torch(tmp_path):
    (tmp_path / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    done = subprocess.run(
        [sys.executable, "-c", RUN], cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, check=True,
        capture_output=True, text=True,
    )  # fmt: skip
    for stage in ("trajectories", "distill", "rollout", "policy"):
        reason = (tmp_path / stage / skipped.SKIPPED).read_text().strip()
        assert f"{stage}: skipped, because {reason}" in done.stdout


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("rollout:\n", "rolled:\n", "unknown key 'rolled'"),
        ("rollout:\n", "rollout:\n  clip: 1\n", r"unknown key rollout\.clip"),
    ],
)
def test_its_own_block_is_checked(tmp_path, old, new, told):
    path = tmp_path / "params.yaml"
    path.write_text((ROOT / "params.yaml").read_text().replace(old, new, 1))
    with pytest.raises(ParamsError, match=told):
        skipped.value(path, "rollout", "clips")
