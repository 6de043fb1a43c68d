"""`wm ablate`: the paper's arms, run once each, resumed, and set beside what was published."""

import json
import re
import shutil
from itertools import combinations
from pathlib import Path

import pytest
import typer
import yaml
from helpers import PARAMS, ROOT
from pipeline_helpers import SMOKE
from typer.testing import CliRunner

from pipeline import imports
from pipeline.denoisers.nanowm import BLOCKS
from pipeline.errors import DataError, ParamsError
from pipeline.tools.ablate import Arm, PaperRow, Table, cli, results
from pipeline.tools.ablate.__main__ import command
from pipeline.tools.ablate.grid import DATA, STUDY, Grid
from pipeline.tools.ablate.tables import INJECTION, TABLES
from pipeline.tools.dvc_yaml import read as dvc_yaml
from pipeline.tools.workspaces import workspace as workspaces
from pipeline.tools.workspaces.workspace import Recipe

STAGES = dvc_yaml.stages(ROOT / "dvc.yaml")
COLUMNS = [
    ("latent_error", "mean"),
    ("latent_error", "apart"),
    ("without_actions", "mean"),
    ("psnr", "mean"),
    ("psnr", "apart"),
    ("ssim", "mean"),
]
STEPS = [1e-3, 1e-2, 1e-3, 1e-2, 1e-2, 1e-4]
BY_NAME = {table.name: table for table in TABLES}


def layout(folder=Path("somewhere"), tables=TABLES, seeds=3, **changes):
    return Grid(folder, ROOT / "params.yaml", changes, tables, seeds)


def test_the_arms_are_those_of_the_paper():
    published = {
        name: [(arm.name, arm.paper.psnr) for arm in table.arms if arm.paper]
        for name, table in BY_NAME.items()
    }
    assert published == {
        "rt1-targets": [("v", 23.07), ("x", 23.37), ("eps", 21.89), ("flow", 23.54)],
        "rt1-injections": [
            ("additive", 23.07),
            ("adaln", 23.19),
            ("adaln_fuse", 23.10),
            ("film", 23.20),
            ("cross_attention_dead", 20.82),
        ],
        "rt1-sizes": [("half", 22.30), ("nano", 23.07), ("double", 23.62)],
        "pusht-injections": [
            ("additive", 26.20),
            ("adaln", 26.09),
            ("adaln_fuse", 26.17),
            ("film", 25.88),
            ("cross_attention_dead", 25.95),
        ],
    }
    for table in (BY_NAME["rt1-injections"], BY_NAME["pusht-injections"]):
        tried = {arm.changes.get(INJECTION, "additive") for arm in table.arms}
        assert tried == set(BLOCKS)


def test_tables_share_their_baseline_and_nothing_else():
    grid = layout()
    arms = {(dataset, arm) for dataset, arm, _ in grid.runs}
    assert len(arms) == sum(len(table.arms) for table in TABLES) - 2  # RT-1's is in three tables
    assert len(grid.runs) == 3 * len(arms)
    folders = [run.workspace.folder for run in grid.runs.values()]
    assert len(set(folders)) == len(folders)
    studies = [run.workspace.recipe.identity("evaluate") for run in grid.runs.values()]
    assert all(a != b for a, b in combinations(studies, 2))
    for table in TABLES:
        assert sum(not arm.changes for arm in table.arms) == 1


def test_a_change_that_no_stage_would_read_is_refused_before_any_work(tmp_path):
    with pytest.raises(ParamsError, match=r"no key train\.step to change; did you mean steps"):
        layout(**{"train.step": 5})
    with pytest.raises(ParamsError, match=r"train\.steps = 0"):
        layout(**{"train.steps": 0})
    with pytest.raises(ParamsError, match="'rt1-size' is not a table; did you mean rt1-sizes"):
        cli.tables(["rt1-size"])
    with pytest.raises(ParamsError, match="'train' is not KEY=VALUE"):
        cli.changes(["train"], TABLES)
    with pytest.raises(DataError, match=r"'train\.steps=\[1': not valid YAML \([^\n]*; close"):
        cli.changes(["train.steps=[1"], TABLES)
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(PARAMS))
    with pytest.raises(ParamsError, match=r"dvc\.yaml: no such file"):
        Grid(tmp_path, tmp_path / "params.yaml", {}, TABLES, 1)


@pytest.mark.parametrize(
    ("word", "tables", "message"),
    [
        ("dataset=wall", ["rt1-sizes"], "own dataset; select tables with --only"),
        ("train.seed=7", ["rt1-sizes"], "seeds are 0, 1, 2, ...; set their number with --seeds"),
        ("train={steps: 5}", ["rt1-sizes"], "set their number with --seeds"),
        ("objective=v", [], "of rt1-targets set it .* --only rt1-injections --only rt1-sizes "),
        ("denoisers.nanowm.injection=film", ["rt1-injections"], "--only rt1-targets --only rt1-s"),
        ("denoisers.nanowm.reference_init=true", ["pusht-injections"], "of pusht-injections"),
        ("denoisers.nanowm.size=B", ["rt1-targets", "rt1-sizes"], "of rt1-sizes set it"),
        ("denoisers.nanowm.size.width=8", ["rt1-sizes"], "of rt1-sizes set it"),
        ("denoisers.nanowm={patch: 1}", [], "of rt1-injections, rt1-sizes, pusht-injections"),
    ],
)
def test_no_change_can_make_an_arm_other_than_its_name(word, tables, message):
    key = word.partition("=")[0]
    with pytest.raises(ParamsError, match=f"^--set {re.escape(key)}: .*{message}"):
        cli.changes([word], cli.tables(tables))


def test_such_a_change_is_refused_before_any_work(tmp_path):
    with pytest.raises(ParamsError, match=r"^--set objective: "):
        ablate(tmp_path / "out", "--only=rt1-targets", "--set=objective=v")
    assert not (tmp_path / "out").exists()


def test_what_the_arms_of_a_table_share_is_the_user_s_to_change():
    """As docs/ablations.md suggests for the published size."""
    tables = cli.tables(["rt1-targets", "rt1-injections"])
    change = {"denoisers.nanowm.size": "B"}
    assert cli.changes(["denoisers.nanowm.size=B"], tables) == change
    for run in layout(tables=tables, **change).runs.values():
        assert run.workspace.recipe.values["denoisers"]["nanowm"]["size"] == "B"


def test_words_are_read_as_yaml_and_said_again():
    assert cli.changes(["train.steps=5", "train.clip=null"], TABLES) == {
        "train.steps": 5,
        "train.clip": None,
    }
    assert cli.tables([]) == TABLES
    assert cli.tables(["rt1-sizes"]) == (BY_NAME["rt1-sizes"],)
    line = cli.command(2, ["rt1-sizes"], ["train.steps=5"])
    assert line == "wm ablate OUT --seeds 2 --only rt1-sizes --set train.steps=5"


def test_an_identity_follows_params_and_stages_before_and_nothing_else():
    def identities(**changes):
        return [Recipe(STAGES, PARAMS | changes).identity(name) for name in (*DATA, *STUDY)]

    before = identities()
    assert identities(plan=PARAMS["plan"] | {"goals": 1}) == before
    evaluate = identities(evaluate=PARAMS["evaluate"] | {"clips": 9})
    assert [a == b for a, b in zip(before, evaluate, strict=True)] == [True] * 5 + [False]
    ingest = identities(ingest=PARAMS["ingest"] | {"split_seed": 1})
    assert [a == b for a, b in zip(before, ingest, strict=True)] == [True] + [False] * 5
    dataset = identities(dataset="pusht")
    assert not [one for one in dataset if one in before]


def test_the_docs_show_what_was_recorded():
    """Every row of docs/ablations.md, against the JSON that the same command wrote."""
    recorded = json.loads((ROOT / "benchmarks/cpu/ablations.json").read_text())
    page = (ROOT / "docs/ablations.md").read_text()
    assert set(recorded["tables"]) == set(BY_NAME)
    for table in recorded["tables"].values():
        rows = page.split(f"### {table['title']}\n")[1].split("Repeating")[0].splitlines()[3:-1]
        assert len(rows) == len(table["arms"])
        for row, (name, arm) in zip(rows, table["arms"].items(), strict=True):
            cells = [cell.strip() for cell in row.strip("|").split("|")]
            assert cells[:2] == [f"`{name}`", f"{arm['parameters']:,}"]
            for cell, metric, step in zip(cells[2:8], COLUMNS, STEPS, strict=True):
                estimate = arm[metric[0]][metric[1]]
                expected = [end for end in (estimate or {}).values() if end is not None]
                values = [float(figure) for figure in re.findall(r"[+-]?\d+\.\d+", cell)]
                assert values == pytest.approx(expected, abs=0.6 * step)


WALL = Table(
    "wall-targets",
    "What the network predicts, on Wall",
    "wall",
    (Arm("v", PaperRow(23.07, 0.76, 0.207, 42.27), {"objective": "v"}), Arm("x", None)),
)
TINY = SMOKE | {
    "encoder": "patch_pca",
    "train.steps": 4,
    "train.save_every": 2,
    "evaluate.clips": 4,
    "evaluate.dreams": 1,
}


def ablate(folder, *words):
    """Run the command for WALL's two arms and one seed, at smoke size."""
    app = typer.Typer()
    app.command()(command)
    given = [f"--set={key}={json.dumps(value)}" for key, value in TINY.items()]
    arguments = [str(folder), "--seeds=1", f"--params={ROOT / 'params.yaml'}", *given, *words]
    return CliRunner().invoke(app, arguments, catch_exceptions=False)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The folder of a finished grid, and what the command printed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cli, "TABLES", (WALL,))
        folder = tmp_path_factory.mktemp("ablate")
        yield folder, ablate(folder).output


@pytest.mark.slow
def test_every_arm_runs_by_the_commands_of_dvc_yaml_on_the_same_data(finished):
    folder, output = finished
    for arm, objective in (("v", "v"), ("baseline", "x")):
        run = folder / "wall" / arm / "seed-0"
        model = json.loads((run / "models/wall/patch_pca/world_model/config.json").read_text())
        assert model["objective"]["name"] == objective
        assert (
            (run / "data/wall/latents/patch_pca.zarr")
            .resolve()
            .is_relative_to(folder.resolve() / "wall/data")
        )
        assert f"wall/{arm}/seed-0: " in output


@pytest.mark.slow
def test_the_results_are_what_evaluate_measured(finished):
    folder, output = finished
    recorded = json.loads((folder / "ablations.json").read_text())["tables"]["wall-targets"]
    run = json.loads((folder / "wall/v/seed-0/metrics/evaluate.json").read_text())
    mean = sum(run["model"]["psnr"]) / 3
    assert recorded["arms"]["v"]["psnr"]["mean"]["value"] == pytest.approx(mean, abs=1e-5)
    error = sum(run["model"]["latent_mse"]) / sum(run["repeat_last"]["latent_mse"])
    assert recorded["arms"]["v"]["latent_error"]["seeds"] == [pytest.approx(error, abs=1e-5)]
    assert recorded["arms"]["x"]["psnr"]["apart"] is None
    assert "| 23.07 / 0.760 / 0.207 / 42.27 |" in output
    assert f"| {mean:.2f} |" in (folder / "ablations.md").read_text()


@pytest.mark.slow
def test_a_second_call_runs_nothing(finished, monkeypatch):
    folder, _ = finished
    before = (folder / "ablations.json").read_text()
    monkeypatch.setattr(workspaces.Workspace, "run", None)
    assert "seed-0: " not in ablate(folder).output
    assert (folder / "ablations.json").read_text() == before


@pytest.mark.slow
def test_other_params_run_again_what_hangs_on_them(finished, tmp_path):
    folder, _ = finished
    changed = {**TINY, "evaluate.clips": 5}
    grid = Grid(folder, ROOT / "params.yaml", changed, (WALL,), 2)
    workspace = grid.runs["wall", "v", 0].workspace
    assert workspace.done("train") is not None
    assert workspace.done("evaluate") is None
    assert grid.runs["wall", "v", 1].workspace.done("train") is None
    assert grid.data["wall"].time() is not None


@pytest.mark.slow
def test_other_code_runs_again_what_imports_it(finished, monkeypatch):
    folder, _ = finished
    digest = imports.digest

    def edited(modules):
        return digest(modules) + "x" * ("pipeline.train.worker" in imports.closure(modules))

    monkeypatch.setattr(workspaces.imports, "digest", edited)
    workspaces._digest.cache_clear()
    grid = Grid(folder, ROOT / "params.yaml", TINY, (WALL,), 1)
    assert grid.data["wall"].time() is not None
    assert grid.runs["wall", "v", 0].workspace.done("train") is None
    monkeypatch.undo()
    workspaces._digest.cache_clear()
    assert grid.runs["wall", "v", 0].time() is not None


@pytest.mark.slow
def test_a_record_of_another_version_is_no_record(finished, tmp_path):
    folder, _ = finished
    run = shutil.copytree(folder / "wall/v/seed-0/.done", tmp_path / ".done")
    workspace = Grid(folder, ROOT / "params.yaml", TINY, (WALL,), 1).runs["wall", "v", 0].workspace
    copy = workspaces.Workspace(tmp_path, workspace.recipe)
    assert copy.done("train") is not None
    (run / "train.json").write_text('{"fingerprint": "0123", "seconds": 1, "cpu_seconds": 1}')
    assert copy.done("train") is None


@pytest.mark.slow
def test_damaged_metrics_of_a_run_are_one_line_with_the_way_out(finished, tmp_path):
    folder = shutil.copytree(finished[0], tmp_path / "copy", symlinks=True)
    grid = Grid(folder, ROOT / "params.yaml", TINY, (WALL,), 1)
    (folder / "wall/v/seed-0/metrics/evaluate_mean.json").write_text("{}")
    way_out = r"; delete .*/wall/v/seed-0 and run `wm ablate` again$"
    with pytest.raises(DataError, match=r"evaluate_mean\.json: not the metrics .*" + way_out):
        results.gather(grid, WALL)
