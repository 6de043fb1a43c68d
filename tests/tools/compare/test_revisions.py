"""Revisions and experiments are read from git and DVC's cache, and nothing is checked out."""

import contextlib
import json

import pytest
import yaml
from compare_helpers import measured_workspace
from dvc.repo import Repo
from helpers import PARAMS
from pipeline_helpers import commit, run, set_params
from plan_helpers import plan_metrics
from typer.testing import CliRunner

from pipeline.__main__ import app
from pipeline.errors import UserError


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    """Branch main, tag `old`, and an experiment `faster` whose dreams are not in the cache."""
    place = tmp_path_factory.mktemp("compare") / "here"
    folder = measured_workspace(place, plan=plan_metrics(40, planner=32))
    table = yaml.safe_load((folder / "dvc.yaml").read_text())["stages"]
    for stage in table.values():
        stage.update(deps=[], params=[])
    kept = {name: table[name] for name in ("evaluate", "plan")}
    kept["evaluate"]["outs"], kept["evaluate"]["plots"] = ["results/dreams.npz"], []
    (folder / "dvc.yaml").write_text(yaml.safe_dump({"stages": kept}))
    for name in ("evaluate.json", "evaluate_mean.json", "actions.json"):
        (folder / "metrics" / name).touch()
    (folder / "metrics/plan_goals.csv").touch()
    run(folder, "git", "init", "-q", "-b", "main")
    with contextlib.chdir(folder), Repo.init() as repo:
        repo.commit(force=True)
        commit(folder)
        run(folder, "git", "tag", "old")
        set_params(folder, {"train.steps": 7})
        plan = plan_metrics(40, planner=34)
        (folder / "metrics/plan.json").write_text(json.dumps(plan))
        (folder / "results/dreams.npz").write_bytes(b"other")
        repo.commit(force=True)
    commit(folder)
    sha = run(folder, "git", "rev-parse", "HEAD").stdout.strip()
    base = run(folder, "git", "rev-parse", "old").stdout.strip()
    run(folder, "git", "update-ref", f"refs/exps/{base[:2]}/{base[2:]}/faster", sha)
    run(folder, "git", "reset", "-q", "--hard", "old")
    lock = yaml.safe_load(run(folder, "git", "show", f"{sha}:dvc.lock").stdout)
    md5 = lock["stages"]["evaluate"]["outs"][-1]["md5"]
    assert lock["stages"]["evaluate"]["outs"][-1]["path"] == "results/dreams.npz"
    (folder / ".dvc/cache/files/md5" / md5[:2] / md5[2:]).unlink()
    return folder


def compare(folder, *words):
    with contextlib.chdir(folder):
        done = CliRunner().invoke(app, ["compare", *words])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.output


def test_an_experiment_a_tag_and_the_workspace_beside_each_other(repository, tmp_path):
    before = run(repository, "git", "status", "--short").stdout
    told = json.loads(
        compare(repository, "old", "faster", ".", "--json", "--out", str(tmp_path / "c.html"))
    )
    assert told["runs"] == ["old", "faster", "workspace"]
    steps = PARAMS["train"]["steps"]
    assert told["params"] == {"train.steps": [steps, 7, steps]}
    reached = told["metrics"]["goals reached"]
    assert [value["value"] for value in reached["values"]] == [0.8, 0.85, 0.8]
    assert reached["best"] == ["faster"]
    assert [value["value"] for value in told["metrics"]["PSNR, dB"]["values"]] == [29.0] * 3
    assert "faster: results/dreams.npz is not in DVC's cache" in told["notes"]
    assert not [note for note in told["notes"] if note.startswith("old: results")]
    assert run(repository, "git", "status", "--short").stdout == before
    page = (tmp_path / "c.html").read_text()
    assert "faster: results/dreams.npz is not in DVC&#39;s cache" in page
    assert page.count("<img") == 3 + 3  # dreams of the two that have them, films of all


def test_what_no_revision_has_is_said(repository):
    told = json.loads(compare(repository, "old", "main", "--json"))
    assert told["params"] == {}
    assert "old: its dvc.yaml names no curve of train" in told["notes"]


def test_a_name_that_nothing_has_is_one_line_with_the_closest(repository):
    with pytest.raises(UserError, match=r"fastr: no such folder, .*; did you mean faster\? \(kno"):
        compare(repository, "old", "fastr")


def test_a_revision_without_a_pipeline_is_one_line(repository):
    tree = run(repository, "git", "hash-object", "-t", "tree", "-w", "/dev/null").stdout.strip()
    empty = run(repository, "git", "commit-tree", tree, "-m", "empty").stdout.strip()
    with pytest.raises(UserError, match=r"holds no params.yaml \(is not in this revision\); name"):
        compare(repository, "old", empty)
