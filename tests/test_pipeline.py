"""The pipeline as a DVC user runs it, at smoke size, in a workspace of its own."""

import json
import shutil
import signal
import subprocess
import sys

import pytest
from fuzz import zygote
from helpers import ROOT
from in_process import run_stages
from pipeline_helpers import (
    ENVIRONMENT,
    commit,
    executed,
    make_workspace,
    results,
    run,
    set_params,
)

pytestmark = pytest.mark.slow

ENCODER, OTHER = "patch_pca", "tiny_dino"  # they start faster than those of diffusers

KILLER = """
import os, signal, sys

seen = []

def watch(event, args):
    if event == "os.rename" and str(args[1]).endswith("latest.safetensors"):
        seen.append(event)
        if len(seen) == 2:  # about to replace its first checkpoint
            os.killpg(0, signal.SIGKILL)

sys.addaudithook(watch)
"""


def new_workspace(folder):
    """One in which no stage has run."""
    make_workspace(folder)
    set_params(folder, {"encoder": ENCODER})
    commit(folder)
    return folder


def kill_in_training(folder, site):
    """Run `dvc repro`; training kills it, with all that it started."""
    (site / "sitecustomize.py").write_text(KILLER)
    killed = subprocess.run(
        ["dvc", "repro"],
        cwd=folder,
        env={**ENVIRONMENT, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=False,
        start_new_session=True,
    )
    assert killed.returncode == -signal.SIGKILL, f"{killed.stdout}\n{killed.stderr}"


FROM_TRAIN = {"train", "trajectories", "distill", "evaluate", "rollout", "plan", "policy", "report"}
"""Stages that run again when training changes."""


@pytest.fixture(scope="module")
def repaired(tmp_path_factory):
    """A workspace whose first `dvc repro` was killed, and what the second one printed."""
    folder = new_workspace(tmp_path_factory.mktemp("pipeline") / "finished")
    kill_in_training(folder, tmp_path_factory.mktemp("site"))
    done = run(folder, "dvc", "repro")
    commit(folder)
    return folder, done.stdout


@pytest.fixture
def workspace(repaired, tmp_path):
    """A copy of it, to be changed."""
    return shutil.copytree(repaired[0], tmp_path / "workspace", symlinks=True)


@pytest.fixture(scope="module")
def quickly(tmp_path_factory):
    """In front of a command: its stages are forked from a process that has imported all they need.

    The repaired workspace has run each of them as a process of its own.
    """
    folder, address = zygote.install(tmp_path_factory.mktemp("zygote") / "bin")
    served = [sys.executable, ROOT / "tests/fuzz/zygote.py", address]
    environment = {**ENVIRONMENT, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(served, env=environment, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        yield ("env", f"PATH={folder}:{ENVIRONMENT['PATH']}")
        process.kill()


def test_killed_in_training_the_next_repro_resumes_and_ends_with_the_same_bytes(repaired, tmp_path):
    """The same as where each stage was run alone, in one process."""
    folder, printed = repaired
    assert set(executed(printed)) == FROM_TRAIN
    assert "train: resuming after step 20 of 60" in printed
    alone = results(run_stages(new_workspace(tmp_path / "alone")))
    made_by_dvc = results(folder)
    assert {name: made_by_dvc[name] for name in alone} == alone
    assert not list(folder.rglob(".*.partial"))


def test_a_second_repro_runs_nothing_and_changes_nothing(workspace):
    before = results(workspace)
    assert executed(run(workspace, "dvc", "repro").stdout) == []
    assert results(workspace) == before
    assert run(workspace, "git", "status", "--porcelain").stdout == ""


def test_the_encoder_is_swapped_by_one_word_and_swapping_back_runs_nothing(workspace, quickly):
    def swap(encoder):
        words = (*quickly, "dvc", "exp", "run", "-S", f"encoder={encoder}", "probe", "train")
        return executed(run(workspace, *words).stdout)

    before = results(workspace)
    assert swap(OTHER) == ["fit", "encode", "probe", "train"]
    model = workspace / f"models/wall/{OTHER}/world_model/config.json"
    assert json.loads(model.read_text())["spec"]["encoder"] == OTHER
    assert "fit.json" in run(workspace, "dvc", "metrics", "diff").stdout
    assert OTHER in run(workspace, "dvc", "params", "diff").stdout
    assert swap(ENCODER) == []
    after = results(workspace)
    assert {name: after[name] for name in before} == before


def test_a_train_knob_runs_train_and_later_stages_alone_and_nothing_when_it_is_back(
    workspace, quickly
):
    """Of the later stages evaluate stands for all, which ran after the training was killed."""
    before = results(workspace)
    chosen = (workspace / "params.yaml").read_text()
    set_params(workspace, {"train.learning_rate": 0.005})
    again = run(workspace, *quickly, "dvc", "repro", "evaluate")
    assert executed(again.stdout) == ["train", "evaluate"]
    assert results(workspace) != before
    (workspace / "params.yaml").write_text(chosen)
    assert executed(run(workspace, *quickly, "dvc", "repro").stdout) == []
    assert results(workspace) == before


def test_editing_an_encoder_that_is_not_chosen_invalidates_nothing(workspace):
    other = workspace / f"pipeline/encoders/{OTHER}/__init__.py"
    other.write_text(other.read_text() + "\n# edited\n")
    assert executed(run(workspace, "dvc", "repro").stdout) == ["code"]
    chosen = workspace / f"pipeline/encoders/{ENCODER}/__init__.py"
    chosen.write_text(chosen.read_text() + "\n# edited\n")
    dry = run(workspace, "dvc", "repro", "--dry").stdout
    assert executed(dry)[:2] == ["code", "fit"]


def test_an_edit_runs_the_stages_that_import_it_and_a_new_import_is_code_too(workspace, quickly):
    """The stage that lists the code depends on all of it, and restores what it has listed."""

    def repro():
        return executed(run(workspace, *quickly, "dvc", "repro", "rollout").stdout)

    def edit(name, line):
        file = workspace / "pipeline" / name
        file.write_text(f"{file.read_text()}{line}\n")

    listed = results(workspace, "code")
    edit("report/page.py", "# edited")
    assert repro() == ["code"]
    (workspace / "pipeline/rollout/new.py").write_text("")
    edit("rollout/run.py", "from pipeline.rollout import new  # noqa")
    assert repro() == ["code", "rollout"]
    edit("rollout/new.py", "# edited")
    assert repro() == ["code", "rollout"]
    run(workspace, "git", "checkout", "-q", "pipeline")
    (workspace / "pipeline/rollout/new.py").unlink()
    assert repro() == []
    assert results(workspace, "code") == listed


def test_lists_of_code_come_back_from_the_cache_and_from_a_remote(workspace, tmp_path):
    listed = results(workspace, "code")
    assert "code/train.txt" in listed
    shutil.rmtree(workspace / "code")
    assert executed(run(workspace, "dvc", "repro", "code").stdout) == []
    assert results(workspace, "code") == listed
    run(workspace, "dvc", "remote", "add", "-q", "-d", "store", str(tmp_path / "store"))
    commit(workspace)
    run(workspace, "dvc", "push", "code")
    run(tmp_path, "git", "clone", "-q", str(workspace), "there")
    run(tmp_path / "there", "dvc", "pull", "code")
    assert results(tmp_path / "there", "code") == listed
    assert run(tmp_path / "there", "dvc", "status", "code").stdout.startswith("Data and pipelines")


def test_a_change_of_a_set_of_your_own_is_noticed_and_nothing_else_is(workspace, quickly):
    """By `dvc repro` alone; in the copy of `--temp` a relative root is that of the project."""

    def repro():
        return executed(run(workspace, *quickly, "dvc", "repro", "ingest").stdout)

    shards = results(workspace)["data/wall/shards/manifest.json"]
    own = workspace / "published/own"
    shutil.copytree(workspace / "data/wall/raw", own)
    set_params(workspace, {"datasets.wall.root": "published/own"})
    assert repro() == ["locate", "collect", "ingest"]
    assert repro() == []
    assert results(workspace)["data/wall/shards/manifest.json"] == shards
    shutil.copy(own / "obses/episode_001.pth", own / "obses/episode_000.pth")  # of the same size
    assert repro() == ["collect", "ingest"]
    assert results(workspace)["data/wall/shards/manifest.json"] != shards
    (own / "obses").rename(workspace / "elsewhere")
    (own / "obses").symlink_to(workspace / "elsewhere")
    assert repro() == ["collect"]
    run(workspace, *quickly, "dvc", "repro", "-f", "collect")
    assert repro() == []
    shutil.copy(own / "obses/episode_002.pth", own / "obses/episode_000.pth")
    assert repro() == ["locate", "collect", "ingest"]
    commit(workspace)
    temporary = run(
        workspace, *quickly, "dvc", "exp", "run", "--temp", "-S", "ingest.split_seed=1", "ingest"
    )
    assert executed(temporary.stdout) == ["locate", "ingest"]


def test_a_model_that_a_student_goes_on_from_is_followed(workspace, quickly):
    def repro():
        return executed(run(workspace, *quickly, "dvc", "repro", "distill").stdout)

    own = workspace / "students/first"
    shutil.copytree(workspace / f"models/wall/{ENCODER}/student", own)
    set_params(workspace, {"distill.init": "students/first"})
    assert repro() == ["locate", "distill"]
    assert repro() == []
    shutil.copy(workspace / f"models/wall/{ENCODER}/world_model/model.safetensors", own)
    assert repro() == ["distill"]


def test_dvc_answers_what_its_users_ask(workspace, quickly):
    forced = run(workspace, *quickly, "dvc", "repro", "-s", "-f", "ingest")
    assert executed(forced.stdout) == ["ingest"]
    assert "train" in run(workspace, "dvc", "dag").stdout
    assert "model.psnr" in run(workspace, "dvc", "metrics", "show").stdout
    set_params(workspace, {"train.batch": 5})
    assert "train.batch" in run(workspace, "dvc", "params", "diff").stdout
    shown = run(workspace, "dvc", "plots", "show", "--out", "shown")
    assert "index.html" in shown.stdout
    page = (workspace / "shown/index.html").read_text()
    for title in ("Training loss", "PSNR by generated frame", "Latent error by generated frame"):
        assert title in page
