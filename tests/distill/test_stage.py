"""The stage: exact after a kill, its student is one, and what cannot be distilled is refused."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import yaml
from helpers import PARAMS
from rollout_helpers import randomised
from train_helpers import assert_same, run, world_model

from pipeline import params
from pipeline.checksum import sha256
from pipeline.diffusion.model_folder import WEIGHTS
from pipeline.diffusion.world_model import WorldModel
from pipeline.distill import Options, worker
from pipeline.distill.__main__ import command
from pipeline.distill.dmd import MatchingLoss
from pipeline.distill.setup import Sources, identity, prepare
from pipeline.errors import DataError, ParamsError, RunError
from pipeline.train.distributed.group import single_process
from pipeline.train.memory.available import AvailableMemory
from pipeline.trajectories import Options as Ways
from pipeline.trajectories.collect import collect
from pipeline.trajectories.collection import collection

CPU = torch.device("cpu")
STEPS = 12
QUICK_CRITIC = {"learning_rate": 1e-3, "warmup": 1, "ratio": 2}


def settings_with(
    folder, *, model="world_model", sampler="consistency", train=(), rollout=(), **distill
):
    quick = {"batch": 4, "save_every": 5, "warmup": 2, "interval": 2, **dict(train)}
    chosen = {"method": "consistency", "steps": STEPS, "grid": 6, **distill}
    values = {**PARAMS, "model": model, "sampler": sampler}
    values["train"] = {**PARAMS["train"], **quick}
    values["trajectories"] = {**PARAMS["trajectories"], "clips": 20, "batch": 8}
    asked = {**PARAMS["rollout"]["study"], **dict(rollout)}
    values["rollout"] = {**PARAMS["rollout"], "clips": 2, "study": asked}
    values["distill"] = {**PARAMS["distill"], **chosen}
    (folder / "params.yaml").write_text(yaml.safe_dump(values))
    return params.read(folder / "params.yaml")


def sources(cache, teacher):
    return Sources(cache, teacher, teacher.parent / "ways")


def with_trajectories(settings, cache, teacher):
    """The sources, with trajectories if the method needs them."""
    found = sources(cache, teacher)
    if settings.value("distill", "method") == "causal_ode":
        of = collection(settings, settings.section("trajectories", Ways), cache, teacher)
        collect(of, 10**9, found.trajectories)
    return found


def saved(cache, folder, drop=0.0, **network):
    model = randomised(world_model(cache, **network))
    model.config = model.config.model_copy(update={"drop_actions": drop})
    model.save_pretrained(folder)
    return folder


@pytest.fixture
def teacher(cache, tmp_path):
    return saved(cache, tmp_path / "teacher")


@pytest.mark.parametrize(
    "distill",
    [
        {},
        {"guidance": 2.0},
        {"guidance": 2.0, "method": "causal_ode", "student_steps": 2},
        {
            "guidance": 2.0,
            "method": "dmd",
            "critic": {"learning_rate": 1e-3, "warmup": 1, "ratio": 2},
        },
        {"train": {"accumulation": 2}},
        {"method": "causal_ode", "student_steps": 3},
        {"method": "causal_ode", "student_steps": 2, "train": {"accumulation": 2}},
        {"method": "dmd", "critic": QUICK_CRITIC},
        {"method": "dmd", "critic": {"learning_rate": 1e-3, "warmup": 8, "ratio": 1}},
    ],
    ids=str,
)
def test_killed_and_resumed_equals_uninterrupted(cache, teacher, tmp_path, distill):
    saved(cache, teacher, drop=0.1 if "guidance" in distill else 0.0)

    def trainer():
        settings = settings_with(tmp_path, **distill)
        found = with_trajectories(settings, cache, teacher)
        return prepare(settings, found, single_process(CPU))[1]

    whole = run(trainer(), tmp_path / "whole")
    assert whole.curve[:, 0].max() > 0
    run(trainer(), tmp_path / "cut", 7)
    resumed = run(trainer(), tmp_path / "cut")
    assert resumed.resumed_from == 5
    assert_same(whole, resumed)


def test_it_learns_to_be_where_the_teacher_gets_in_many_steps(cache, teacher, tmp_path):
    settings = settings_with(tmp_path, steps=150, learning_rate=2e-3, ema=0.9)
    student, trainer = prepare(settings, sources(cache, teacher), single_process(CPU))
    assert trainer.loss.average is trainer.ema.module
    run(trainer, tmp_path / "long")
    assert trainer.curve[-20:, 0].mean() < 0.6 * trainer.curve[:5, 0].mean()
    assert student.config.student.levels == (999, 749, 499, 249)


def test_the_stage_writes_a_student_with_its_parent(
    folder_of_latents, cache, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    teacher = saved(cache, Path("teacher"))
    settings_with(tmp_path, steps=2)
    command(
        folder_of_latents / "latents.zarr",
        teacher,
        Path("ways"),
        Path("student"),
        Path("distill.json"),
    )
    student = WorldModel.from_pretrained("student")
    found = json.loads(Path("distill.json").read_text())
    assert found["parents"] == student.config.student.parents
    assert (found["method"], found["student_steps"], found["steps"]) == ("consistency", 4, 2)
    before, after = WorldModel.from_pretrained(teacher).denoiser, student.denoiser
    changed = [not torch.equal(after.state_dict()[n], w) for n, w in before.state_dict().items()]
    assert any(changed)
    with pytest.raises(ParamsError, match="a student already; distill the model that taught it"):
        command(
            folder_of_latents / "latents.zarr",
            Path("student"),
            Path("ways"),
            Path("s"),
            Path("d.json"),
        )
    assert not Path("s").exists()


def test_a_student_by_causal_ode_has_the_levels_of_its_trajectories(cache, teacher, tmp_path):
    """Those of the grid, which differ from evenly spaced ones by rounding."""
    settings = settings_with(
        tmp_path, method="causal_ode", student_steps=2, grid=26, steps=200, learning_rate=2e-3
    )
    found = with_trajectories(settings, cache, teacher)
    student, trainer = prepare(settings, found, single_process(CPU))
    assert student.config.student.levels == (999, 498)
    run(trainer, tmp_path / "long")
    assert trainer.curve[-20:, 0].mean() < 0.5 * trainer.curve[:5, 0].mean()


def test_a_student_goes_on_from_another_whose_levels_it_keeps(cache, teacher, tmp_path):
    first = settings_with(tmp_path, method="causal_ode", student_steps=2, grid=26)
    found = with_trajectories(first, cache, teacher)
    begun = randomised(prepare(first, found, single_process(CPU))[0])
    begun.save_pretrained(tmp_path / "first")
    for method in ("consistency", "dmd"):
        settings = settings_with(tmp_path, method=method, init=str(tmp_path / "first"))
        student, _ = prepare(settings, sources(cache, teacher), single_process(CPU))
        assert student.config.student.levels == (999, 498)
        assert student.config.student.parents["init"] == sha256(tmp_path / "first" / WEIGHTS)
        theirs = begun.denoiser.state_dict()
        assert all(torch.equal(w, theirs[n]) for n, w in student.denoiser.state_dict().items())


def test_trajectories_of_another_teacher_are_refused(cache, teacher, tmp_path):
    settings = settings_with(tmp_path, method="causal_ode", student_steps=2)
    found = with_trajectories(settings, cache, teacher)
    world_model(cache).save_pretrained(teacher)
    with pytest.raises(DataError, match=r"ways: computed for another teacher .* not .*repro traj"):
        prepare(settings, found, single_process(CPU))
    settings = settings_with(tmp_path, method="causal_ode", student_steps=2)
    with pytest.raises(DataError, match=r"gone/origin\.json.*dvc repro -f trajectories"):
        prepare(settings, replace(found, trajectories=tmp_path / "gone"), single_process(CPU))


@pytest.mark.parametrize("method", ["consistency", "dmd"])
def test_memory_is_foretold_and_out_of_it_is_one_line(
    folder_of_latents, cache, tmp_path, monkeypatch, capsys, method
):
    monkeypatch.chdir(tmp_path)
    teacher = saved(cache, Path("teacher"))
    settings_with(tmp_path, method=method)
    paths = folder_of_latents / "latents.zarr", teacher, Path("ways"), Path("student")

    def device_of(memory):
        found = AvailableMemory(memory, gpu=False, bfloat16=False)
        monkeypatch.setattr(worker, "available_memory", lambda *_: found)

    device_of({"consistency": 2_000_000, "dmd": 3_600_000}[method])
    with pytest.raises(
        ParamsError, match=r"^distill: nanowm of .* GB .*others .*train\.batch: "
    ) as no:
        command(*paths, Path("distill.json"))
    assert ("accumulation" in str(no.value)) == (method == "consistency")
    assert "size" not in str(no.value)
    device_of(10**9)
    monkeypatch.setattr(worker.Trainer, "fit", out_of_memory)
    with pytest.raises(RunError, match=r"^distill: step 1: out of memory; "):
        command(*paths, Path("distill.json"))
    assert "distill: " in (said := capsys.readouterr().out)
    assert " of 1 GB: weights" in said


def out_of_memory(*_):
    raise torch.OutOfMemoryError


def test_it_is_skipped_unless_a_method_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings_with(tmp_path, method="none")
    command(Path("no.zarr"), Path("no_model"), Path("ways"), Path("student"), Path("distill.json"))
    assert json.loads(Path("distill.json").read_text()) == {"skipped": "distill.method is none"}
    with pytest.raises(DataError, match=r"^student: its stage was skipped"):
        WorldModel.from_pretrained("student")


@pytest.mark.parametrize("method", ["causal_ode", "consistency", "dmd"])
def test_guidance_by_a_teacher_that_knows_no_clip_without_actions_is_refused(
    cache, teacher, tmp_path, method
):
    settings = settings_with(tmp_path, method=method, guidance=2.0, student_steps=2)
    said = r"^distill\.guidance = 2\.0, but .* set it to 1, or train with train\.drop_actions"

    def begin():
        found = with_trajectories(settings, cache, teacher)
        prepare(settings, found, single_process(CPU))

    with pytest.raises(ParamsError, match=said):
        begin()


def test_models_of_dmd_that_are_not_there_are_one_line(cache, teacher, tmp_path):
    for name in ("init", "real"):
        settings = settings_with(tmp_path, method="dmd", **{name: str(tmp_path / "gone")})
        with pytest.raises(DataError, match=rf"^distill\.{name}: .*gone.*: no such file"):
            prepare(settings, sources(cache, teacher), single_process(CPU))


def test_a_step_that_fails_after_the_critic_s_leaves_no_state(
    cache, teacher, tmp_path, monkeypatch
):
    critic = {"learning_rate": 1e-3, "warmup": 6, "ratio": 1}

    def trainer():
        settings = settings_with(tmp_path, method="dmd", critic=critic)
        return prepare(settings, sources(cache, teacher), single_process(CPU))[1]

    with monkeypatch.context() as patched:
        lost = torch.tensor(torch.nan, requires_grad=True), torch.zeros(1)
        patched.setattr(MatchingLoss, "__call__", lambda *_: lost)
        with pytest.raises(RunError, match="step 7: loss nan"):
            run(trainer(), tmp_path / "run")
    resumed = run(trainer(), tmp_path / "run")
    assert resumed.resumed_from == 5
    assert_same(run(trainer(), tmp_path / "whole"), resumed)


def test_the_curve_has_the_student_s_latest_loss(cache, teacher, tmp_path):
    critic = {"learning_rate": 1e-3, "warmup": 1, "ratio": 2}
    settings = settings_with(tmp_path, method="dmd", critic=critic)
    curve = run(
        prepare(settings, sources(cache, teacher), single_process(CPU))[1], tmp_path / "run"
    ).curve
    assert not curve[:2, 0].any()
    assert (curve[2:, 0] > 0).all()
    assert torch.equal(curve[2::2, 0], curve[3::2, 0])


def test_a_teacher_that_sees_later_frames_is_refused(cache, tmp_path):
    teacher = saved(cache, tmp_path / "both", causal=False)
    with pytest.raises(ParamsError, match=r"distill\.method = 'consistency' generates frame after"):
        prepare(settings_with(tmp_path), sources(cache, teacher), single_process(CPU))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"student_steps": 7}, "distill.student_steps = 7 exceeds distill.grid = 6; lower it"),
        ({"model": "student", "method": "none"}, "but distill.method = 'none' makes none"),
        ({"model": "student", "sampler": "sequential"}, "choose sampler: consistency"),
        (
            {"model": "student", "rollout": {"samplers": ["consistency", "pyramid"]}},
            "rollout.study.samplers has pyramid, .*; leave consistency alone, or none",
        ),
        (
            {"model": "student", "rollout": {"steps": [1, 8]}},
            "rollout.study.steps has 8, .*; choose at most 4",
        ),
        ({"model": "teacher"}, "model = 'teacher' is unknown"),
        (
            {"method": "causal_ode", "grid": 7, "student_steps": 2},
            "distill.grid = 7 is no multiple of distill.student_steps = 2, .*; choose 6",
        ),
        ({"method": "causal_ode", "student_steps": 3, "init": "x"}, "begins as the world model"),
        ({"guidance": 0.0}, "distill.guidance = 0.0"),
        ({"method": "dmd", "train": {"accumulation": 2}}, "train.accumulation to 1"),
    ],
)
def test_params_that_cannot_be_are_refused_before_any_work(tmp_path, changes, said):
    with pytest.raises(ParamsError, match=said):
        settings_with(tmp_path, **changes)


def test_what_decides_the_result_decides_where_its_states_lie(cache, teacher, tmp_path):
    def of(**changes):
        settings = settings_with(tmp_path, **changes)
        student, trainer = prepare(settings, sources(cache, teacher), single_process(CPU))
        options = settings.section("distill", Options)
        return identity(student.config, options, trainer.batches.options, sources(cache, teacher))

    first = of()
    assert of() == first
    assert of(grid=7) != first
    assert of(train={"batch": 8}) != first
    randomised(world_model(cache, injection="film")).save_pretrained(teacher)
    assert of() != first
