"""published.json: the paper's runs, whole, valid, and of the published size."""

import json

import pytest
from helpers import DATASETS, ROOT
from reproduce_helpers import TINY, write

from pipeline.denoisers import DENOISERS, Size
from pipeline.errors import DataError, ParamsError
from pipeline.formats import FORMATS
from pipeline.tools.dvc_yaml import read
from pipeline.tools.reproduce import comparison, preset, published
from pipeline.tools.reproduce.estimate import cost
from pipeline.tools.reproduce.run import MEASURING
from pipeline.train import Options as Train
from pipeline.train.memory.cost import forward_flops, parameters
from pipeline.train.setup import variant_config

RECORDED = ("evaluate_mean", "actions", "plan")
PUBLISHED = published.read(ROOT / "published.json")
SETTINGS = {
    name: preset.merged(ROOT / "params.yaml", run.changes) for name, run in PUBLISHED.runs.items()
}
# How it is computed and watched, and where the episodes lie: the user's own, and no result's.
FREE = (
    "train.accumulation", "train.attention", "train.checkpointing", "train.compile",
    "train.state.", "train.save_every", "train.keep_every", "train.validation",
    "evaluate.batch", "evaluate.dreams", "evaluate.dream_frames", "evaluate.sampling.compile",
    "encode.batch", "encode.compile", "encode.max_bytes",
    "datasets.rt1.video", "datasets.rt1.align_by", "datasets.csgo.splits",
    *(f"datasets.{name}.{key}" for name in DATASETS for key in ("root", "format", "world")),
)  # fmt: skip
# As the reference's own code counts them; rope and granular by its formula.
PARAMETERS = {
    "point_maze": 158_600_464,
    "wall": 158_600_464,
    "rope": 158_595_856,
    "granular": 158_595_856,
    "pusht": 158_600_464,
    "rt1": 158_598_160,
    "csgo_50k": 558_724_112,
    "csgo_100k": 558_724_112,
    "rt1_v": 158_598_160,
    "rt1_x": 158_598_160,
    "rt1_eps": 158_598_160,
    "rt1_flow": 158_598_160,
    "rt1_adaln": 201_120_784,
    "rt1_adaln_fuse": 158_598_160,
    "rt1_film": 172_772_368,
    "rt1_cross_attention": 186_955_792,
    "rt1_s2": 39_781_648,
    "rt1_l2": 558_666_768,
    "pusht_additive": 158_600_464,
    "pusht_sd_vae": 158_600_464,
}


def spent(name):
    run = PUBLISHED.runs[name]
    return cost(run, PUBLISHED.data[run.dataset], SETTINGS[name].section("train", Train))


def value_of(name, *keys):
    value = SETTINGS[name].values
    for key in keys:
        value = value[key]
    return value


def leaves(block, prefix):
    for key, value in block.items():
        if isinstance(value, dict):
            yield from leaves(value, f"{prefix}.{key}")
        else:
            yield f"{prefix}.{key}"


@pytest.mark.parametrize(
    ("name", "figures"),
    [
        ("wall", (34.05, 0.994, 0.010, 2.64)),
        ("pusht", (33.19, 0.982, 0.016, 13.63)),
        ("rt1", (24.36, 0.787, 0.180, 35.08)),
        ("rt1_eps", (21.89, 0.739, 0.225, 48.86)),
        ("rt1_cross_attention", (20.82, 0.721, 0.242, 51.12)),
        ("rt1_l2", (23.62, 0.777, 0.186, 36.31)),
        ("pusht_film", (25.88, 0.960, 0.056, 25.45)),
    ],
)
def test_the_figures_are_the_published_ones(name, figures):
    named = dict(zip(("psnr", "ssim", "lpips", "fid"), figures, strict=True))
    assert PUBLISHED.runs[name].figures == named


def test_every_figure_has_a_tolerance_and_a_place_where_it_is_measured():
    named = {figure for run in PUBLISHED.runs.values() for figure in run.figures}
    stages = read.stages(ROOT / "dvc.yaml")
    recorded = {path for name in MEASURING for path in stages[name].records}
    files = {path: ROOT / path for path in recorded}
    assert named == set(PUBLISHED.tolerance) == set(comparison.measured(files))


def test_scores_are_read_where_stages_record_them():
    files = {f"metrics/{name}.json": ROOT / f"metrics/{name}.json" for name in RECORDED}
    measured = comparison.measured(files)
    means, actions, plan = (json.loads(path.read_text()) for path in files.values())
    assert measured["psnr"] == means["model"]["psnr"]
    assert measured["lpips"] is measured["fid"] is None
    assert measured["mse_zero"] == actions["published"]["mse"]["zero"]
    assert measured["cosine_start"] == actions["published"]["cosine"]["start"]
    assert measured["embedding_rms"] == actions["embedding_rms"]
    assert measured["success_rate"] == plan["controllers"]["planner"]["success_rate"]
    assert comparison.measured({}) == {}


def test_the_ablations_on_rt1_have_all_their_arms_and_change_one_thing_each():
    arms = {n for n in SETTINGS if n.startswith("rt1_")}
    axes = [("objective",), *(("denoisers", "nanowm", key) for key in ("injection", "size"))]
    values = [{value_of(name, *axis) for name in arms} for axis in axes]
    assert values == [
        {"v", "x", "eps", "flow"},
        {"additive", "adaln", "adaln_fuse", "film", "cross_attention"},
        {"S", "B", "L"},
    ]
    for name in arms:
        changed = [axis for axis in axes if value_of(name, *axis) != value_of("rt1_v", *axis)]
        assert len(changed) == (name != "rt1_v")
        assert (value_of(name, "train", "steps"), value_of(name, "train", "batch")) == (50_000, 64)
    assert len(arms) == 10


def test_the_five_injections_are_compared_on_pusht_too():
    arms = [
        n for n in SETTINGS if n.startswith("pusht_") and value_of(n, "train", "steps") == 30_000
    ]
    assert len(arms) == 5
    assert {value_of(name, "denoisers", "nanowm", "injection") for name in arms} == {
        value_of(name, "denoisers", "nanowm", "injection") for name in SETTINGS
    }


INJECTIONS = ("additive", "adaln", "adaln_fuse", "film", "cross_attention")


@pytest.mark.parametrize(
    ("axis", "named"),
    [
        (("objective",), {f"rt1_{value}": value for value in ("v", "x", "eps", "flow")}),
        (("denoisers", "nanowm", "injection"), {f"rt1_{value}": value for value in INJECTIONS}),
        (("denoisers", "nanowm", "injection"), {f"pusht_{value}": value for value in INJECTIONS}),
        (("denoisers", "nanowm", "size"), {"rt1_s2": "S", "rt1_b2": "B", "rt1_l2": "L"}),
    ],
)
def test_every_arm_goes_by_the_name_of_its_value(axis, named):
    assert {name: value_of(PUBLISHED.resolve(name), *axis) for name in named} == named


def test_no_name_is_that_of_two_runs():
    names = [name for run, one in PUBLISHED.runs.items() for name in (run, *one.aliases)]
    assert len(names) == len(set(names)) == 28


def test_only_the_published_cross_attention_starts_dead():
    dead = {n for n in SETTINGS if value_of(n, "denoisers", "nanowm", "reference_init")}
    assert dead == {"rt1_cross_attention", "pusht_cross_attention"}


@pytest.mark.parametrize("name", PUBLISHED.runs)
def test_a_run_leaves_nothing_that_decides_its_result_to_params_yaml(name):
    run, values = PUBLISHED.runs[name], SETTINGS[name].values
    blocks = {section: values[section] for section in ("train", "evaluate", "encode")}
    for selector in ("dataset", "denoiser", "objective"):
        member = values[selector]
        blocks[f"{selector}s.{member}"] = values[f"{selector}s"][member]
    decisive = {key for place, block in blocks.items() for key in leaves(block, place)}
    left = {key for key in decisive - set(run.changes) if not key.startswith(FREE)}
    assert left == set()
    assert {"dataset", "encoder", "denoiser", "objective", "sampler"} <= set(run.changes)


@pytest.mark.parametrize(("name", "parameters"), PARAMETERS.items())
def test_a_run_trains_a_network_of_the_published_size(name, parameters):
    assert spent(name).parameters == parameters


@pytest.mark.parametrize("name", PUBLISHED.runs)
def test_the_cost_of_a_network_is_what_torch_counts(name):
    run, settings = PUBLISHED.runs[name], SETTINGS[name]
    denoiser, train = variant_config(settings, DENOISERS), settings.section("train", Train)
    interval = train.interval or settings.variant(FORMATS).build().interval
    size = Size(
        latent_shape=run.latent.shape,
        action_dim=interval * PUBLISHED.data[run.dataset].action_dim,
        frames=train.frames,
    )
    counted = parameters(denoiser, size), forward_flops(denoiser, size)
    assert counted == (run.network.parameters, run.network.forward_flops)


def test_work_and_bytes_are_those_of_the_published_sets():
    """71.4 GF a forward of S/2 and 280.6 of B/2, less modulation of each patch by itself."""
    small, base = spent("rt1_s2"), spent("rt1_v")
    assert small.clips == base.clips == 3_200_000
    assert small.flops / small.clips / 3 == pytest.approx(71.4e9 - 10.9e9, rel=0.01)
    assert base.flops / base.clips / 3 == pytest.approx(280.6e9 - 43.5e9, rel=0.01)
    assert base.latent_bytes == 3_786_400 * 4 * 32 * 32 * 2 * 2
    assert base.state_bytes == 3 * 3 * 4 * PARAMETERS["rt1_v"]
    assert base.hours(1e15) == pytest.approx(base.flops / 4e14 / 3600)


def test_a_run_follows_its_bases_and_their_notes_add_up(tmp_path):
    values = json.loads((ROOT / "published.json").read_text())
    bases, run = values["bases"], PUBLISHED.runs["rt1_flow"]
    assert run.note == " ".join(
        part["note"] for part in (bases["code"], bases["rt1"], values["runs"]["rt1_flow"])
    )
    assert run.changes["train.weighting.gamma"] == 0
    assert run.changes["train.batch"] == run.gpus * run.per_gpu == 64


def test_mistakes_are_named(tmp_path):
    with pytest.raises(ParamsError, match="did you mean rt1_flow"):
        PUBLISHED.resolve("rt1_flo")
    with pytest.raises(DataError, match="no such file"):
        published.read(tmp_path / "published.json")
    unknown = write(tmp_path, TINY | {"data": {}})
    with pytest.raises(
        DataError, match=r"runs\.tiny: overrides\.dataset = 'wall' has no entry in data"
    ):
        published.read(unknown)
    write(tmp_path, TINY | {"tolerance": {}})
    with pytest.raises(DataError, match=r"runs\.tiny: no tolerance for fid, psnr"):
        published.read(unknown)
    with pytest.raises(ParamsError, match=r"params\.yaml: has no key train\.stepz to change"):
        preset.merged(ROOT / "params.yaml", {"train.stepz": 3})
    with pytest.raises(ParamsError, match=r"params\.yaml: train\.steps = -1"):
        preset.merged(ROOT / "params.yaml", {"train.steps": -1})
