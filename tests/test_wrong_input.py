"""Wrong input to a stage: one line, exit code 2, and nothing half-written."""

import json
import shutil

import pytest
import torch
from helpers import every
from in_process import outs_of, run_stage
from pipeline_helpers import run, set_params
from safetensors.torch import load_file, save_file

from pipeline.encoders import ENCODERS
from pipeline.stage import remove

LATENTS = "data/wall/latents/tiny_vae.zarr"
SHARDS = "data/wall/shards"
CODEC = "models/wall/tiny_vae/codec"
MODEL = "models/wall/tiny_vae/world_model"


def refused(workspace, stage, *expected):
    """Run a stage; it must end with 2 and one line that holds all of `expected`."""
    for path in outs_of(workspace, stage):
        remove(path)
    before = sorted(str(path) for path in workspace.rglob("*"))
    done = run_stage(workspace, stage, check=False)
    after = sorted(str(path) for path in workspace.rglob("*"))
    assert done.returncode == 2, done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("error: ")
    for part in expected:
        assert part in lines[0]
    assert {path for path in set(after) - set(before) if "/runs" not in path} == set()


def test_an_unknown_encoder_is_refused_by_the_first_stage_that_runs(workspace):
    """By a process of its own, as a user runs it; the others, for their time, in this one."""
    set_params(workspace, {"encoder": "tiny_va"})
    done = run(workspace, "python", "-m", "pipeline.collect", "data/elsewhere", check=False)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("error: params.yaml: encoder = 'tiny_va' is unknown; did you")
    assert not (workspace / "data/elsewhere").exists()


def test_check_names_the_closest_match_and_says_what_is_chosen(workspace):
    right = run(workspace, "wm", "check")
    assert right.stdout.startswith("params.yaml: dataset wall, encoder tiny_vae, denoiser nanowm")
    set_params(workspace, {"encoder": "tiny_va"})
    wrong = run(workspace, "wm", "check", check=False)
    assert wrong.returncode == 2
    assert wrong.stderr == (
        "error: params.yaml: encoder = 'tiny_va' is unknown; did you mean tiny_vae? "
        f"(known: {', '.join(every(ENCODERS))})\n"
    )


def test_a_misspelt_key_of_a_late_stage_stops_the_first_one(workspace):
    set_params(workspace, {"plan.goal": 3})
    refused(workspace, "collect", "unknown key plan.goal", "did you mean goals?")


def test_a_missing_raw_folder(workspace):
    shutil.rmtree(workspace / "data/wall/raw")
    refused(workspace, "ingest", "data/wall/raw: no such folder", "dvc repro collect")


def test_an_empty_raw_folder(workspace):
    shutil.rmtree(workspace / "data/wall/raw")
    (workspace / "data/wall/raw").mkdir()
    refused(workspace, "ingest", "raw/states.pth: no such file", "; restore it with `dvc checkout`")


@pytest.mark.parametrize("stage", ["fit", "encode"])
def test_a_truncated_tar(workspace, stage):
    tar = workspace / SHARDS / "train-000000.tar"
    tar.write_bytes(tar.read_bytes()[:2000])
    refused(workspace, stage, "train-000000.tar: has 2000 of", "dvc checkout")


def test_a_patch_that_does_not_divide_the_frames(workspace):
    set_params(workspace, {"encoder": "patch_pca", "encoders.patch_pca.patch": 5})
    refused(workspace, "fit", "patch_pca.patch = 5 does not divide frames of 32 x 32")


def test_a_cache_that_was_never_sealed(workspace):
    metadata = workspace / LATENTS / "zarr.json"
    metadata.write_text(json.dumps({**json.loads(metadata.read_text()), "attributes": {}}))
    refused(workspace, "train", f"{LATENTS}: not sealed", "dvc repro -f encode")


def test_a_corrupt_cache(workspace):
    chunk = next(p for p in (workspace / LATENTS / "mean" / "c").rglob("*") if p.is_file())
    content = bytearray(chunk.read_bytes())
    content[10] ^= 0xFF
    chunk.write_bytes(content)
    refused(workspace, "train", f"{LATENTS}/mean: damaged", "dvc checkout")


def test_a_window_longer_than_the_shortest_episode(workspace):
    set_params(workspace, {"train.frames": 5})
    refused(workspace, "train", "train.frames x interval = 5 x 5 = 25", "has 24 frames")


def test_a_model_that_does_not_fit_the_latents(workspace):
    set_params(workspace, {"denoisers.nanowm.patch": 3})
    refused(workspace, "train", "denoisers.nanowm.patch = 3 does not divide latents of 8 x 8")


@pytest.mark.parametrize("stage", ["evaluate", "plan"])
def test_a_checkpoint_of_another_encoder(workspace, stage):
    config = workspace / MODEL / "config.json"
    text = config.read_text().replace('"encoder": "tiny_vae"', '"encoder": "patch_pca"')
    config.write_text(text)
    refused(workspace, stage, "its encoder is tiny_vae, the world model was trained on encoder pat")


def test_a_codec_that_changed_under_the_model(workspace):
    card = workspace / CODEC / "config.json"
    card.write_text(card.read_text() + "\n")
    refused(workspace, "evaluate", f"{CODEC}: this tiny_vae is not the", "dvc repro")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"evaluate.sampling.context": 4}, "evaluate.sampling.context = 4, but the world model's"),
        ({"plan.sampling.generate": 4}, "plan.sampling.generate = 4, but the world model's"),
        ({"evaluate.context": 4}, "evaluate.context = 4 leaves nothing to generate"),
        ({"objectives.eps.zero_terminal_snr": True}, "eps cannot be trained with zero_terminal"),
        ({"objective": "flow", "plan.sampling.eta": 0.5}, "plan.sampling.eta = 0.5, but the steps"),
        (
            {"datasets.wall.resolution": [8, 8]},
            "datasets.wall.resolution = [8, 8]: 8 x 8 pixels, but SSIM compares windows of 11",
        ),
        ({"denoisers.nanowm.size": "XXL"}, "size = 'XXL': no such size; did you"),
        (
            {"denoisers.nanowm.size": {"width": 60, "depth": 2, "heads": 4}},
            "width must be a multiple of 4 x heads = 16",
        ),
        ({"denoisers.nanowm.injection": "film2"}, "nanowm.injection = 'film2'"),
        ({"train.levels.distribution": "normal"}, "train.levels.distribution = 'normal'"),
    ],
)
def test_impossible_combinations_stop_the_first_stage(workspace, changes, message):
    set_params(workspace, changes)
    refused(workspace, "collect", message)


def test_weights_that_are_not_numbers(workspace):
    weights = workspace / MODEL / "model.safetensors"
    state = load_file(weights)
    state["pos_embed"][0, 0, 0] = torch.nan
    save_file(state, weights)
    refused(workspace, "evaluate", "1 values that are not finite (pos_embed)")


def test_a_model_of_shorter_windows_than_params_say(workspace):
    config = workspace / MODEL / "config.json"
    config.write_text(config.read_text().replace('"frames": 4', '"frames": 3'))
    weights = workspace / MODEL / "model.safetensors"
    state = load_file(weights)
    state["temp_embed"] = state["temp_embed"][:, :3].contiguous()
    save_file(state, weights)
    set_params(workspace, {"plan.sampling.context": 3})
    refused(workspace, "plan", "plan.sampling.context = 3, but the world model's windows have 3")


def test_dreams_longer_than_an_episode(workspace):
    set_params(workspace, {"evaluate.dream_frames": 9})
    refused(workspace, "evaluate", "evaluate.dream_frames x interval = 9 x 5 = 45")


def test_goals_further_than_an_episode_is_long(workspace):
    set_params(workspace, {"plan.goals.frames": [5, 5], "plan.budget_frames": 5})
    refused(workspace, "plan", "plan.context need 25 steps", "has 24 frames; lower one")


def test_chunks_of_a_plan_longer_than_an_episode(workspace):
    set_params(workspace, {"plan.execute": 5, "plan.horizon": 5})
    refused(workspace, "plan", "plan.execute x interval = 25 steps", "has 24 frames; lower it")


def test_a_usage_error_exits_with_2_as_well(workspace):
    done = run(workspace, "python", "-m", "pipeline.train", check=False)
    assert done.returncode == 2
    assert "Missing argument" in done.stderr
