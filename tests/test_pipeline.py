"""The pipeline as a DVC user runs it, at smoke size, in a workspace of its own."""

import json
import re
import shutil
import signal
import subprocess

import pytest
import yaml
from helpers import ROOT
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


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A workspace after its first `dvc repro`; tests copy it before they change anything."""
    folder = make_workspace(tmp_path_factory.mktemp("pipeline") / "finished")
    done = run(folder, "dvc", "repro")
    assert executed(done.stdout) == list(STAGES)
    commit(folder)
    return folder


@pytest.fixture
def workspace(finished, tmp_path):
    return shutil.copytree(finished, tmp_path / "workspace", symlinks=True)


def test_every_stage_leaves_what_dvc_yaml_says(finished):
    evaluate = json.loads((finished / "metrics/evaluate.json").read_text())
    assert set(evaluate) == {
        "clips",
        "frames",
        "decoder",
        "model",
        "repeat_last",
        "shuffled_actions",
        "zero_actions",
    }
    for name in ("model", "repeat_last", "shuffled_actions", "zero_actions"):
        assert set(evaluate[name]) == {"latent_mse", "psnr", "ssim"}
        assert all(len(values) == evaluate["frames"] == 3 for values in evaluate[name].values())
    actions = json.loads((finished / "metrics/actions.json").read_text())
    assert set(actions["mse"]) == set(actions["cosine"]) == {"start", "true", "zero", "random"}
    for end, name in (("start", "repeat_last"), ("true", "model"), ("zero", "zero_actions")):
        assert actions["mse"][end] == pytest.approx(evaluate[name]["latent_mse"][-1], rel=1e-5)
    assert actions["embedding_rms"] > 0
    assert (actions["latent"], actions["whitening"]) == ("tiny_vae", "channel")
    assert set(json.loads((finished / "metrics/plan.json").read_text())) == {
        "success_rate",
        "success_interval",
        "random_success_rate",
        "noop_success_rate",
        "replay_success_rate",
        "goals",
        "solved_at_start",
        "seconds_per_replan",
    }
    assert (finished / "report/index.html").stat().st_size > 10_000
    latents = list((finished / "data/wall/latents/tiny_vae.zarr").rglob("*"))
    assert sum(path.is_file() for path in latents) < 30
    encode = json.loads((finished / "metrics/encode.json").read_text())
    assert set(encode) == {"frames", "bytes", "latent_shape", "storage", "rounding_error"}
    assert list((finished / "runs").rglob("events.out.tfevents.*"))
    assert not list(finished.rglob("*.partial"))
    assert not list((finished / ".scratch").iterdir())


def test_the_docs_read_every_artefact_as_they_say(finished):
    for page, count in (("docs/artefacts.md", 3), ("docs/worlds.md", 1), ("README.md", 1)):
        blocks = re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)
        assert len(blocks) == count
        for block in blocks:
            run(finished, "python", "-c", block)


def test_objective_sampler_and_injection_are_words(workspace):
    words = ("objective=flow", "sampler=pyramid", "denoisers.nanowm.injection=film")
    changes = [part for word in words for part in ("-S", word)]
    done = run(workspace, "dvc", "exp", "run", *changes)
    assert executed(done.stdout) == ["train", "evaluate", "plan", "report"]
    model = json.loads((workspace / "models/wall/tiny_vae/world_model/config.json").read_text())
    assert model["objective"]["name"] == "flow"
    assert model["denoiser"]["options"]["injection"] == "film"


def test_a_second_repro_runs_nothing_and_changes_nothing(workspace):
    before = results(workspace)
    assert executed(run(workspace, "dvc", "repro").stdout) == []
    assert results(workspace) == before
    assert run(workspace, "git", "status", "--porcelain").stdout == ""


def test_the_encoder_is_swapped_by_one_word_and_swapping_back_runs_nothing(workspace):
    def swap(encoder):
        return executed(run(workspace, "dvc", "exp", "run", "-S", f"encoder={encoder}").stdout)

    before, others = results(workspace), ("tiny_dino", "tiny_jepa", "patch_pca")
    for encoder in others:
        assert swap(encoder) == ["fit", "encode", "train", "evaluate", "plan", "report"]
        model = workspace / f"models/wall/{encoder}/world_model/config.json"
        assert json.loads(model.read_text())["spec"]["encoder"] == encoder
    assert "fit.json" in run(workspace, "dvc", "metrics", "diff").stdout
    assert "patch_pca" in run(workspace, "dvc", "params", "diff").stdout
    for encoder in ("tiny_vae", *others, "tiny_vae"):
        assert swap(encoder) == []
    after = results(workspace)
    assert {name: after[name] for name in before} == before


def test_published_weights_are_pointed_at_and_not_copied(workspace):
    weights = ROOT / "tests/golden/encoders/sd_vae"
    words = (
        "encoder=sd_vae",
        f"encoders.sd_vae.weights.source={weights}",
        "encoders.sd_vae.weights.sha256=null",
    )
    changes = [part for word in words for part in ("-S", word)]
    done = run(workspace, "dvc", "exp", "run", *changes)
    assert executed(done.stdout) == ["fit", "encode", "train", "evaluate", "plan", "report"]
    codec = workspace / "models/wall/sd_vae/codec"
    assert sum(path.stat().st_size for path in codec.iterdir()) < 5000
    fit = json.loads((workspace / "metrics/fit.json").read_text())
    said = {"val_psnr", "decoder", "latent_rank", "latent_spread"}
    assert set(fit) == said | {"train_frames", "val_frames"}
    actions = json.loads((workspace / "metrics/actions.json").read_text())
    assert actions["whitening"] == "none"


def test_the_encoder_of_the_docs_is_added_by_one_file_and_one_block(workspace):
    page = (ROOT / "docs/add-an-encoder.md").read_text()
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    (block,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    (workspace / "pipeline/encoders/mean_colour.py").write_text(code)
    text = (workspace / "params.yaml").read_text()
    (workspace / "params.yaml").write_text(text.replace("encoders:\n", f"encoders:\n{block}"))
    assert executed(run(workspace, "dvc", "repro").stdout) == []
    swapped = run(workspace, "dvc", "exp", "run", "-S", "encoder=mean_colour")
    assert executed(swapped.stdout) == ["fit", "encode", "train", "evaluate", "plan", "report"]


def test_a_train_knob_runs_train_and_later_stages_alone(workspace):
    set_params(workspace, {"train.learning_rate": 0.01})
    again = run(workspace, "dvc", "repro")
    assert executed(again.stdout) == ["train", "evaluate", "plan", "report"]


def test_editing_an_encoder_that_is_not_chosen_invalidates_nothing(workspace):
    other = workspace / "pipeline/encoders/patch_pca.py"
    other.write_text(other.read_text() + "\n# edited\n")
    assert executed(run(workspace, "dvc", "repro").stdout) == []
    chosen = workspace / "pipeline/encoders/tiny_vae.py"
    chosen.write_text(chosen.read_text() + "\n# edited\n")
    dry = run(workspace, "dvc", "repro", "--dry").stdout
    assert executed(dry)[0] == "fit"


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


RECORDER = """
import json, runpy, sys
from pipeline import params

class Recording(params.Settings):
    def section(self, stage, options):
        used.add(stage)
        return super().section(stage, options)

    def variant(self, family):
        used.update((family.selector, f"{family.block}.{self.values[family.selector]}"))
        return super().variant(family)

def read(path):
    whole = checked(path)
    return Recording(whole.path, whole.values)

used, checked, params.read = set(), params.read, read
try:
    runpy.run_module(f"pipeline.{sys.argv[1]}", run_name="__main__")
finally:
    print(json.dumps(sorted(used)))
"""


@pytest.mark.parametrize("stage", STAGES[:-1])
def test_a_stage_declares_exactly_the_params_that_it_reads(finished, stage, tmp_path):
    table = yaml.safe_load((finished / "dvc.yaml").read_text())["stages"][stage]
    names = {"dataset": "wall", "encoder": "tiny_vae"}
    words = re.sub(r"\$\{(\w+)\}", lambda m: names[m[1]], table["cmd"]).split()[3:]
    copy = shutil.copytree(finished, tmp_path / "workspace", symlinks=True)
    script = RECORDER.replace("sys.argv[1]", repr(stage))
    done = run(copy, "python", "-c", script, *words)
    used = set(json.loads(done.stdout.splitlines()[-1]))
    chosen = yaml.safe_load((finished / "params.yaml").read_text())
    declared = {re.sub(r"\$\{(\w+)\}", lambda m: chosen[m[1]], p) for p in table["params"]}
    changes_no_result = {"cluster", "distributed", "tracking"}
    assert used - changes_no_result == declared


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
