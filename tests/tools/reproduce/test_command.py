"""`wm reproduce`: the DVC commands it runs, the mistakes it refuses, and its verdicts."""

import json
import shutil

import pytest
import reproduce_helpers
import torch
import yaml
from dataset_helpers import write
from dvc.utils.hydra import apply_overrides
from encode_helpers import encoded
from helpers import ROOT
from pipeline_helpers import set_params
from reproduce_helpers import TINY, fake_dvc
from safetensors.torch import save_file
from typer.testing import CliRunner

from pipeline import params
from pipeline.__main__ import app
from pipeline.denoisers import Size, nanowm
from pipeline.diffusion.world_model import WorldModel
from pipeline.encode.shard import Saved
from pipeline.errors import DataError, ParamsError
from pipeline.metrics import perceptual
from pipeline.tools import dvc as dvc_process
from pipeline.tools.reproduce import experiment, preset, published
from pipeline.tools.reproduce.experiment import free_name
from pipeline.train import Options as Train

PREPARE = perceptual.prepare


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    """A folder with all that the command reads, some episodes too, and the command in it."""
    for name in ("dvc.yaml", "params.yaml", "published.json"):
        shutil.copy(ROOT / name, tmp_path / name)
    write("wall", tmp_path / "published/wall_single")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def dvc(workspace, monkeypatch):
    """Put a fake dvc in the place of the real one; returns its calls so far."""
    monkeypatch.setattr(perceptual, "prepare", lambda names: None)

    def put(**changes):
        calls = fake_dvc(workspace / "bin", **changes)
        monkeypatch.setattr(dvc_process, "BIN", workspace / "bin")
        return lambda: json.loads(calls.read_text())

    return put


def wm(*arguments):
    return CliRunner().invoke(app, ["reproduce", *map(str, arguments)])


def refusal(kind, *arguments):
    done = wm(*arguments)
    assert isinstance(done.exception, kind), done.output
    return str(done.exception)


def test_training_is_one_experiment_with_the_run_s_overrides(dvc):
    calls = dvc(psnr=34.2)
    done = wm("wall", "--root", "published/wall_single")
    assert done.exit_code == 0, done.output
    listing, (*words, target) = calls()[0], calls()[1][:5]
    assert listing == ["exp", "list", "--name-only"]
    assert (words, target) == (["exp", "run", "-n", "reproduce-wall"], "evaluate")
    sets = calls()[1][5:]
    assert set(sets[::2]) == {"-S"}
    assert {
        'dataset="wall"',
        'datasets.wall.root="published/wall_single"',
        "train.batch=16",
        "train.steps=15000",
        "train.learning_rate=0.0001",
        "train.clip=null",
        "train.betas=[0.9, 0.999]",
        "datasets.wall.antialias=false",
    } <= set(sets[1::2])
    assert "inside" in done.output
    assert done.output.count("not computed") == 2  # LPIPS and FID, which the fake run has not


@pytest.mark.parametrize("name", ["csgo_50k", "pusht_web_dino"])
def test_dvc_makes_of_the_overrides_what_was_checked(name, workspace):
    run = published.read(workspace / "published.json").runs[name]
    changes = {**run.changes, f"datasets.{run.dataset}.root": """it's "theirs", {all}: a=b"""}
    checked = preset.merged(workspace / "params.yaml", changes)
    apply_overrides(workspace / "params.yaml", [preset.override(*each) for each in changes.items()])
    applied = params.read(workspace / "params.yaml")
    # DVC writes 1e-05, which YAML 1.1 takes for a string: options, being typed, do not.
    assert applied.section("train", Train) == checked.section("train", Train)
    assert {**applied.values, "train": None} == {**checked.values, "train": None}


def test_a_figure_out_of_its_tolerance_ends_with_1(dvc):
    dvc(psnr=32.0)
    done = wm("wall", "--root", "published/wall_single")
    assert done.exit_code == 1
    assert done.exception is None or isinstance(done.exception, SystemExit)
    assert "OUTSIDE" in done.output
    assert "-2.05" in done.output


def test_a_failed_experiment_ends_with_1_and_says_what_it_has_left_but_no_figures(dvc):
    dvc(code=3)
    done = wm("wall", "--root", "published/wall_single")
    assert done.exit_code == 1
    assert "tolerance" not in done.output
    last = done.output.splitlines()[-1]
    assert last.startswith("reproduce: reproduce-wall is not finished; this workspace now has")
    assert "`git restore . && dvc checkout` restores" in last


def test_episodes_that_are_not_there_are_missed_before_anything_is_downloaded(
    dvc, workspace, monkeypatch
):
    calls, prepared = dvc(), []
    monkeypatch.setattr(perceptual, "prepare", prepared.append)
    message = refusal(DataError, "wall", "--root", "nowhere")
    assert message.startswith("nowhere: no such folder of episodes; ")
    assert message.endswith(
        "give --root DEST/wall_single or set datasets.wall.root: DEST/wall_single"
    )
    message = refusal(DataError, "pusht", "--root", "published/wall_single")
    assert message.startswith("published/wall_single/train/")
    set_params(workspace, {"datasets.wall.root": "elsewhere"})
    assert refusal(DataError, "wall").startswith("elsewhere: no such folder of episodes; ")
    assert (calls(), prepared) == ([], [])


def test_an_experiment_that_exists_is_not_overwritten(dvc):
    calls = dvc(psnr=34.0, taken="reproduce-wall")
    assert wm("wall", "--root", "published/wall_single").exit_code == 0
    assert calls()[1][3] == "reproduce-wall-2"
    assert free_name("a", ["a", "a-2", "b"]) == "a-3"


def test_simulated_episodes_are_requested_and_never_compared(dvc):
    calls = dvc(psnr=1.0)
    message = refusal(ParamsError, "wall")
    assert "`wm fetch wall DEST`" in message
    assert "datasets.wall.root: DEST/wall_single" in message
    assert calls() == []
    done = wm("wall", "--simulated")
    assert done.exit_code == 0
    assert done.output.count("SIMULATED EPISODES") == 2
    assert "not comparable" in done.output
    assert "datasets.wall.root=null" in calls()[1]
    assert "give one of them" in refusal(ParamsError, "wall", "--simulated", "--root", "published")


def test_a_root_in_params_yaml_is_enough(dvc, workspace):
    calls = dvc(psnr=34.0)
    set_params(workspace, {"datasets.wall.root": "published/wall_single"})
    assert wm("wall").exit_code == 0
    assert not [word for word in calls()[1] if "root" in word]


def test_networks_that_cannot_be_had_are_missed_before_anything_runs(dvc, monkeypatch, tmp_path):
    calls = dvc()
    monkeypatch.setattr(perceptual, "prepare", PREPARE)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setitem(perceptual.WEIGHTS, "lpips", "https://nowhere.invalid/vgg16-397923af.pth")
    message = refusal(DataError, "wall", "--root", "published/wall_single")
    assert message.endswith(f"put it at {tmp_path}/hub/checkpoints/vgg16-397923af.pth")
    assert calls() == []


def test_mistakes_are_found_before_anything_runs(dvc, workspace):
    calls, wall = dvc(), "published/wall_single"
    write("pusht", workspace / "published/pusht_noise")
    assert "did you mean wall" in refusal(ParamsError, "walll", "--root", "x")
    assert "--list` lists them" in refusal(ParamsError)
    assert "did you mean a100" in refusal(ParamsError, "--list", "--device", "a1000")
    assert "pusht_film has no published checkpoint" in refusal(
        ParamsError, "pusht_film", "--root", "published/pusht_noise", "--checkpoint", "published"
    )
    (workspace / "empty").mkdir()
    assert "config.yaml: no such file" in refusal(
        DataError, "wall", "--root", wall, "--checkpoint", "empty"
    )
    broken = {**TINY["runs"]["tiny"], "overrides": {"denoisers.nanowm.size": "huge"}}
    reproduce_helpers.write(workspace, {**TINY, "runs": {"tiny": broken}})
    assert "no such size" in refusal(ParamsError, "tiny", "--root", wall)
    assert calls() == []


def test_the_list_has_every_run_and_hours_of_the_requested_device(workspace):
    reproduce_helpers.write(workspace)
    slow, fast = (wm("--list", "--tflops", peak).output for peak in (0.1, 100))
    row = next(line for line in slow.splitlines() if "tiny" in line)
    cells = [cell.strip() for cell in row.strip("│").split("│")]
    assert cells[:4] == ["tiny", "wall", "nano/2 0.9 M", "4"]
    assert cells[7] == "0.49 MB"  # 480 frames of 4x8x8, mean and std in float16
    assert cells[8] == f"{883_120 * 4 * 9 / 1e6:.2f} MB"  # three of weights and two moments
    assert slow != fast
    assert "assuming" in slow
    assert all(word in slow for word in ("Not counted", "shards", "cache"))


def test_the_list_says_under_which_other_names_a_run_goes(workspace):
    lines = [line.strip("│ ").split()[:2] for line in wm("--list").output.splitlines()]
    place = lines.index(["rt1_v", "│"])
    assert lines[place + 1 : place + 3] == [["also", "rt1_additive"], ["also", "rt1_b2"]]


def test_an_arm_of_several_ablations_is_one_run_by_any_of_its_names(dvc, workspace):
    calls = dvc(psnr=23.0)
    done = wm("rt1_additive", "--simulated")
    assert done.exit_code == 0, done.output
    assert "reproduce: rt1_v, RT-1 ablations" in done.output
    assert calls()[1][:5] == ["exp", "run", "-n", "reproduce-rt1_v", "evaluate"]


def test_a_checkpoint_is_imported_and_evaluated_in_a_folder_of_its_own(
    workspace, dvc, folder_of_latents, monkeypatch
):
    small = nanowm.Shape(width=64, depth=4, heads=4)
    monkeypatch.setitem(nanowm.SIZES, "test", small)
    made = nanowm.build(
        nanowm.published_options(small.model_dump(), 2, "additive", causal=True),
        Size(latent_shape=(3, 4, 4), action_dim=10, frames=4),
    )
    theirs = workspace / "theirs"
    theirs.mkdir()
    save_file(made.state_dict(), theirs / "model.safetensors")
    config = {
        "model": {
            "arch": "NanoWM-test/2", "num_frames": 4, "use_action": True, "causal": True,
            "action_injection": {"type": "additive"}, "image_size": 16, "latent_size": 4,
            "latent_channels": 3,
        },
        "dataset": {
            "name": "dino_wm_wall", "frame_interval": 5, "spec": {"action_dim": 2},
            "loader": {"normalize_action": True},
        },
        "experiment": {
            "diffusion": {
                "noise_schedule": "squaredcos_cap_v2", "pred_name": "v", "zero_terminal_snr": True
            }
        },
    }  # fmt: skip
    (theirs / "config.yaml").write_text(yaml.safe_dump(config))
    cache = workspace / "data/wall/latents/sd_vae.zarr"
    cache.parent.mkdir(parents=True)
    encoded(folder_of_latents / "shards", Saved(folder_of_latents / "codec"), cache, name="sd_vae")
    calls, ran = dvc(psnr=1.0), []

    def evaluate(words):
        ran.append(words)
        for name, values in reproduce_helpers.measured(psnr=34.3, lpips=0.011).items():
            path = workspace / next(word for word in words if word.endswith(f"{name}.json"))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(values))

    monkeypatch.setattr(experiment, "stage_command", evaluate)
    done = wm("wall", "--root", "published/wall_single", "--checkpoint", "theirs")
    assert done.exit_code == 0, done.output
    assert calls()[1][3:5] == ["reproduce-wall-latents", "encode"]
    folder = "results/reproduce/wall"
    model = WorldModel.from_pretrained(workspace / folder / "world_model")
    for name, value in made.state_dict().items():
        torch.testing.assert_close(model.denoiser.state_dict()[name], value)
    assert model.spec.normalise_actions
    assert ran[0][:7] == [
        "python", "-m", "pipeline.evaluate", "data/wall/latents/sd_vae.zarr", "data/wall/shards",
        "models/wall/sd_vae/codec", f"{folder}/world_model",
    ]  # fmt: skip
    written = [word for word in ran[0][7:] if word != "--seconds"]
    assert len(written) == 6  # one for each that dvc.yaml names
    assert all(word.startswith(f"{folder}/") for word in written)
    assert "34.3" in done.output
    assert done.output.count("not computed") == 1  # FID
