"""What the stages leave behind at smoke size, each run by its own command line in this process."""

import json
import os
import re
import signal
import sys

import pytest
from helpers import ROOT
from in_process import outs_of, run_stage, run_stages, stage_of
from pipeline_helpers import results, run, set_params

from pipeline import params
from pipeline.files import skipped
from pipeline.params import STAGES
from pipeline.stage import remove


def test_every_stage_leaves_what_dvc_yaml_says(smoke_run):
    evaluate = json.loads((smoke_run / "metrics/evaluate.json").read_text())
    assert set(evaluate) == {
        "clips",
        "frames",
        "decoder",
        "model",
        "repeat_last",
        "shuffled_actions",
        "zero_actions",
        "measured",
        "intervals",
    }
    for name in ("model", "repeat_last", "shuffled_actions", "zero_actions"):
        assert set(evaluate[name]) == {"latent_mse", "psnr", "ssim"}
        assert all(len(values) == evaluate["frames"] == 3 for values in evaluate[name].values())
    actions = json.loads((smoke_run / "metrics/actions.json").read_text())
    assert set(actions["mse"]) == set(actions["cosine"]) == {"start", "true", "zero", "random"}
    for end, name in (("start", "repeat_last"), ("true", "model"), ("zero", "zero_actions")):
        assert actions["mse"][end] == pytest.approx(evaluate[name]["latent_mse"][-1], rel=1e-5)
    assert actions["embedding_rms"] > 0
    assert (actions["latent"], actions["whitening"]) == ("tiny_vae", "channel")
    assert set(json.loads((smoke_run / "metrics/plan.json").read_text())) == {
        "goals",
        "solved_at_start",
        "controllers",
        "by_distance",
        "listening",
        "seconds_per_replan",
        "cpu_seconds_per_replan",
    }
    assert (smoke_run / "report/index.html").stat().st_size > 10_000
    latents = list((smoke_run / "data/wall/latents/tiny_vae.zarr").rglob("*"))
    assert sum(path.is_file() for path in latents) < 30
    encode = json.loads((smoke_run / "metrics/encode.json").read_text())
    assert set(encode) == {"frames", "bytes", "latent_shape", "storage", "rounding_error"}
    assert list((smoke_run / "runs").rglob("events.out.tfevents.*"))
    assert not list(smoke_run.rglob("*.partial"))
    assert not list((smoke_run / ".scratch").iterdir())
    for stage in STAGES:
        assert all(path.exists() for path in outs_of(smoke_run, stage))


@pytest.mark.slow
def test_the_docs_read_every_artefact_as_they_say(workspace):
    scripts = []
    pages = {
        **{"docs/artefacts.md": 4, "docs/probe.md": 1, "docs/worlds.md": 2},
        **{"docs/python-api.md": 5, "README.md": 1},
    }
    for page, count in pages.items():
        blocks = re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)
        assert len(blocks) == count
        page_code = "\n".join(blocks)  # a page goes on with what it has
        scripts.append(f"exec({page_code!r}, {{}})")
    run(workspace, "python", "-c", "\n".join(scripts))


def test_the_notebook_runs_from_top_to_bottom(smoke_run, monkeypatch):
    import matplotlib as mpl
    from matplotlib import pyplot as plt

    mpl.use("Agg")
    monkeypatch.chdir(smoke_run)
    cells = json.loads((ROOT / "docs/notebooks/first_look.ipynb").read_text())["cells"]
    names = {}
    for cell in cells:
        if cell["cell_type"] == "code":
            exec("".join(cell["source"]), names)
            assert cell["outputs"], "run it, and save what it shows"
            assert not any(output["output_type"] == "error" for output in cell["outputs"])
    assert names["dream"].shape == (3, 32, 32, 3)
    assert len(plt.get_fignums()) == 5
    plt.close("all")


def test_objective_sampler_and_injection_are_words(workspace):
    words = {"objective": "flow", "sampler": "pyramid", "denoisers.nanowm.injection": "film"}
    set_params(workspace, words)
    run_stages(workspace, ["train", "evaluate", "rollout", "plan", "report"])
    model = json.loads((workspace / "models/wall/tiny_vae/world_model/config.json").read_text())
    assert model["objective"]["name"] == "flow"
    assert model["denoiser"]["options"]["injection"] == "film"


@pytest.mark.parametrize("encoder", ["patch_pca", "tiny_dino", "tiny_jepa"])
def test_an_encoder_is_one_word(encoder, workspace):
    set_params(workspace, {"encoder": encoder})
    run_stages(workspace, STAGES[2:])
    model = workspace / f"models/wall/{encoder}/world_model/config.json"
    assert json.loads(model.read_text())["spec"]["encoder"] == encoder


def test_published_weights_are_pointed_at_and_not_copied(workspace):
    weights = ROOT / "tests/golden/encoders/sd_vae"
    words = {"source": str(weights), "sha256": None}
    changes = {f"encoders.sd_vae.weights.{key}": value for key, value in words.items()}
    set_params(workspace, {"encoder": "sd_vae", **changes})
    run_stages(workspace, STAGES[2:])
    codec = workspace / "models/wall/sd_vae/codec"
    assert sum(path.stat().st_size for path in codec.iterdir()) < 5000
    fit = json.loads((workspace / "metrics/fit.json").read_text())
    said = {"val_psnr", "decoder", "latent_rank", "latent_spread"}
    assert set(fit) == said | {"train_frames", "val_frames"}
    actions = json.loads((workspace / "metrics/actions.json").read_text())
    assert actions["whitening"] == "none"


READ_ELSEWHERE = {
    "train": {"state_model", "state_models.gru"},
    "trajectories": {
        "distill.grid", "distill.guidance", "distill.student_steps", "train.precision",
        "trajectories",
    },
    "policy": {"dataset"},
}  # fmt: skip
"""What a stage reads with encoder: state, or with distill.method: causal_ode, or where there is a
policy to be learnt, alone."""


@pytest.mark.parametrize("stage", STAGES[:-1])
def test_a_stage_declares_exactly_the_params_that_it_reads(stage, workspace, monkeypatch):
    used: set[str] = set()
    named: set[str] = set()

    class Recording(params.Settings):
        def section(self, name, options):
            used.add(name)
            return super().section(name, options)

        def value(self, block, name):
            used.add(f"{block}.{name}")
            return super().value(block, name)

        def optional(self, family):
            if family.of_dataset:
                named.add(f"data/{self.dataset}/root/{family.selector}.json")
                blocks = {f"datasets.{self.dataset}"} if family.in_dataset else set()
                used.update({"dataset"} | blocks)
            else:
                used.update((family.selector, f"{family.block}.{self.values[family.selector]}"))
            return super().optional(family)

    def read(path):
        whole = checked(path)
        return Recording(whole.path, whole.values)

    checked = params.read
    for module in [m for name, m in sys.modules.items() if name.startswith("pipeline.")]:
        if vars(module).get("read") is checked:
            monkeypatch.setattr(module, "read", read)

    def value(path, block, name):
        used.add(block if block == stage else f"{block}.{name}")
        return value_of(path, block, name)

    value_of = skipped.value
    monkeypatch.setattr(skipped, "value", value)
    run_stage(workspace, stage)
    changes_no_result = {"cluster", "distributed", "tracking"}
    declared = stage_of(workspace, stage)
    assert used - changes_no_result | READ_ELSEWHERE.get(stage, set()) == set(declared.params)
    assert named <= set(declared.deps)
    others = ("datasets.", *(f"{other}." for other in STAGES))
    families = (name for name in used if "." in name and not name.startswith(others))
    members = {f"pipeline/{name.replace('.', '/')}" for name in families}
    assert members <= {dep.removesuffix(".py") for dep in declared.deps}


def kill_in(workspace, stage):
    """Run a stage in a child of this process, which kills itself once it has begun to write.

    In training that is when it is about to replace its first checkpoint.
    """
    pattern, times = (r"latest\.safetensors$", 2) if stage == "train" else (r"\.partial\b", 3)
    events, seen = ("open", "os.mkdir", "os.rename"), []

    def watch(event, args):
        if event in events and re.search(pattern, f"{args[0]} {args[1]}"):
            seen.append(event)
            if len(seen) == times:
                os.kill(os.getpid(), signal.SIGKILL)

    child = os.fork()
    if child == 0:
        sys.addaudithook(watch)
        try:
            run_stage(workspace, stage)
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
@pytest.mark.parametrize("stage", STAGES)
def test_killed_in_any_stage_the_next_run_ends_with_the_same_bytes(stage, smoke_run, workspace):
    outs = outs_of(workspace, stage)
    for out in outs:  # as DVC does before it runs a stage
        remove(out)
    kill_in(workspace, stage)
    assert not any(out.exists() for out in outs)
    assert list(workspace.rglob(".*.partial"))
    done = run_stage(workspace, stage)
    assert ("train: resuming after step 20 of 60" in done.stdout) == (stage == "train")
    assert all(out.exists() for out in outs)
    assert results(workspace) == results(smoke_run)
    assert not list(workspace.rglob(".*.partial"))
