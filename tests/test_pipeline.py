"""The pipeline as a DVC user runs it, at smoke size, in a workspace of its own."""

import json
import shutil
import signal
import subprocess

import pytest
from pipeline_helpers import (
    ENVIRONMENT,
    commit,
    executed,
    make_workspace,
    results,
    run,
    set_params,
)

from pipeline.params import STAGES

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A workspace after its first `dvc repro`; tests copy it before they change anything."""
    folder = make_workspace(tmp_path_factory.mktemp("pipeline") / "finished")
    done = run(folder, "dvc", "repro")
    assert executed(done.stdout) == ["locate", *STAGES]
    commit(folder)
    return folder


@pytest.fixture
def workspace(finished, tmp_path):
    """A copy of it, to be changed."""
    return shutil.copytree(finished, tmp_path / "workspace", symlinks=True)


def test_a_second_repro_runs_nothing_and_changes_nothing(workspace):
    before = results(workspace)
    assert executed(run(workspace, "dvc", "repro").stdout) == []
    assert results(workspace) == before
    assert run(workspace, "git", "status", "--porcelain").stdout == ""


def test_the_encoder_is_swapped_by_one_word_and_swapping_back_runs_nothing(workspace):
    def swap(encoder):
        return executed(run(workspace, "dvc", "exp", "run", "-S", f"encoder={encoder}").stdout)

    before, others = results(workspace), ("patch_pca",)
    for encoder in others:
        later = ["train", "evaluate", "rollout", "plan", "report"]
        assert swap(encoder) == ["fit", "encode", "probe", *later]
        model = workspace / f"models/wall/{encoder}/world_model/config.json"
        assert json.loads(model.read_text())["spec"]["encoder"] == encoder
    assert "fit.json" in run(workspace, "dvc", "metrics", "diff").stdout
    assert "patch_pca" in run(workspace, "dvc", "params", "diff").stdout
    for encoder in ("tiny_vae", *others, "tiny_vae"):
        assert swap(encoder) == []
    after = results(workspace)
    assert {name: after[name] for name in before} == before


def test_a_train_knob_runs_train_and_later_stages_alone(workspace):
    set_params(workspace, {"train.learning_rate": 0.01})
    again = run(workspace, "dvc", "repro")
    assert executed(again.stdout) == ["train", "evaluate", "rollout", "plan", "report"]


def test_editing_an_encoder_that_is_not_chosen_invalidates_nothing(workspace):
    other = workspace / "pipeline/encoders/patch_pca/__init__.py"
    other.write_text(other.read_text() + "\n# edited\n")
    assert executed(run(workspace, "dvc", "repro").stdout) == []
    chosen = workspace / "pipeline/encoders/tiny_vae/__init__.py"
    chosen.write_text(chosen.read_text() + "\n# edited\n")
    dry = run(workspace, "dvc", "repro", "--dry").stdout
    assert executed(dry)[0] == "fit"


def test_a_change_of_a_set_of_your_own_is_noticed_and_nothing_else_is(workspace):
    """By `dvc repro` alone; in the copy of `--temp` a relative root is that of the project."""

    def repro():
        return executed(run(workspace, "dvc", "repro", "ingest").stdout)

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
    run(workspace, "dvc", "repro", "-f", "collect")
    assert repro() == []
    shutil.copy(own / "obses/episode_002.pth", own / "obses/episode_000.pth")
    assert repro() == ["locate", "collect", "ingest"]
    commit(workspace)
    temporary = run(workspace, "dvc", "exp", "run", "--temp", "-S", "ingest.split_seed=1", "ingest")
    assert executed(temporary.stdout) == ["locate", "ingest"]


def test_dvc_answers_what_its_users_ask(workspace):
    assert executed(run(workspace, "dvc", "repro", "-s", "train").stdout) == []
    forced = run(workspace, "dvc", "repro", "-s", "-f", "train")
    assert executed(forced.stdout) == ["train"]
    assert "train" in run(workspace, "dvc", "dag").stdout
    assert "model.psnr" in run(workspace, "dvc", "metrics", "show").stdout
    set_params(workspace, {"train.batch": 5})
    assert "train.batch" in run(workspace, "dvc", "params", "diff").stdout
    shown = run(workspace, "dvc", "plots", "show", "--out", "shown")
    assert "index.html" in shown.stdout
    page = (workspace / "shown/index.html").read_text()
    for title in ("Training loss", "PSNR by generated frame", "Latent error by generated frame"):
        assert title in page


KILLER = """
import os, re, signal, sys

stage, pattern, times = os.environ["KILL"].split()
seen = []

def watch(event, args):
    if event in ("open", "os.mkdir", "os.rename") and re.search(pattern, f"{args[0]} {args[1]}"):
        seen.append(event)
        if len(seen) == int(times):
            os.killpg(0, signal.SIGKILL)

if f"pipeline.{stage}" in sys.orig_argv:
    sys.addaudithook(watch)
"""
BEGUN_TO_WRITE = r"\.partial 1"
CHECKPOINTED = r"latest\.safetensors$ 2"  # about to replace its first checkpoint


def kill_in(workspace, stage, moment, folder):
    """Run `dvc repro`; the stage kills it, with all it started, at a moment (pattern, times)."""
    folder.mkdir(exist_ok=True)
    (folder / "sitecustomize.py").write_text(KILLER)
    environment = {**ENVIRONMENT, "PYTHONPATH": str(folder), "KILL": f"{stage} {moment}"}
    killed = subprocess.run(
        ["dvc", "repro"],
        cwd=workspace,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        start_new_session=True,
    )
    assert killed.returncode == -signal.SIGKILL, f"{stage}\n{killed.stdout}\n{killed.stderr}"


def test_killed_in_any_stage_the_next_repro_ends_with_the_same_bytes(finished, tmp_path):
    workspace = make_workspace(tmp_path / "killed")
    for stage in STAGES:
        moment = CHECKPOINTED if stage == "train" else BEGUN_TO_WRITE
        kill_in(workspace, stage, moment, tmp_path / "killer")
    ended = run(workspace, "dvc", "repro")
    assert executed(ended.stdout) == ["report"]
    assert results(workspace) == results(finished)
    assert not list(workspace.rglob(".*.partial"))


def test_training_resumes_from_its_scratch_and_ends_with_the_same_bytes(workspace, tmp_path):
    before = results(workspace)
    shutil.rmtree(workspace / ".dvc/cache")
    shutil.rmtree(workspace / "models/wall/tiny_vae/world_model")
    kill_in(workspace, "train", CHECKPOINTED, tmp_path / "killer")
    resumed = run(workspace, "dvc", "repro", "-s", "train")
    assert "train: resuming after step" in resumed.stdout
    assert results(workspace) == before
