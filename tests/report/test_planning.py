"""What the page says of planning: rows by group, episodes, and what was imagined at each replan."""

import io
import re
from base64 import b64decode

import numpy as np
import pytest
from helpers import PARAMS
from PIL import Image
from plan_helpers import films, plan_metrics

from pipeline.errors import DataError
from pipeline.metrics.schema.plan import CONTROLLERS, PlanMetrics
from pipeline.report import figures, planning
from pipeline.report.films import read_films

OPTIONS = PARAMS["plan"]
WHITE, RED, UNSEEN = (255, 255, 255), (255, 0, 0), (figures.UNSEEN,) * 3


def metrics(**reached):
    return PlanMetrics.model_validate(plan_metrics(**reached))


@pytest.fixture
def file(tmp_path):
    np.savez(tmp_path / "films.npz", **films())
    return tmp_path / "films.npz"


def picture(uri):
    content = b64decode(uri.partition(",")[2])
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))


def test_every_controller_has_a_place_and_a_sentence():
    shown = [name for group in planning.GROUPS.values() for name in group]
    assert (
        sorted(shown)
        == sorted(CONTROLLERS)
        == sorted(planning.NAMES)
        == sorted({"planner", *planning.WHAT})
    )


def test_rows_that_were_not_run_are_left_out_and_groups_with_them():
    section = planning.section(metrics(planner=45, noop=0, random=10, replay=50), [], OPTIONS)
    names = [[line.name for line in lines] for lines in section.groups.values()]
    assert names == [["world model"], ["no-op", "random"], ["replay"]]
    assert section.best is not None
    assert (section.best[0], section.best[1].reached) == ("random", 10)
    assert len(section.charts) == 1


def test_the_planner_is_compared_with_each_other_row_on_the_same_goals():
    section = planning.section(metrics(planner=45, straight=20), [], OPTIONS)
    (planner,), (straight,) = section.groups.values()
    assert planner.behind is None
    assert straight.behind == pytest.approx((0.5, 0.340, 0.625), abs=1e-3)


@pytest.mark.parametrize(
    ("nearest", "inverse", "metric", "said"),
    [
        (0, 0, "mse", "sees frames alone: one now, one of the goal"),
        (4, 0, "cosine", "sees frames alone: one now, one of the goal; tries 4 recorded stretches"),
        (4, 0, "mse", "tries 4 recorded stretches first, searches if they cost over 0.1 of"),
        (4, 2, "mse", "fitted to recorded states; tries 4 recorded stretches and 2 of the inverse"),
        (0, 0, "readout", "sees frames, and reads coordinates by what was fitted to recorded stat"),
    ],
)
def test_the_planner_s_row_says_what_it_is_given(nearest, inverse, metric, said):
    options = {
        **OPTIONS,
        "context": 1,
        "proposals": {"nearest": nearest, "inverse": inverse},
        "distance": {**OPTIONS["distance"], "metric": metric},
    }
    section = planning.section(metrics(planner=45), [], options)
    assert said in section.groups["The planner on the world model"][0].what


def test_failures_come_first_with_their_number_among_the_goals(file):
    shown = read_films(file, 3)
    assert [(film.number, film.success, film.steps) for film in shown] == [
        *((2, False, 3), (1, True, 6), (3, True, 5))
    ]
    assert [len(read_films(file, count)) for count in (1, 9)] == [1, 3]


def test_each_replan_has_its_frames_and_its_costs(file):
    first = next(film for film in read_films(file, 3) if film.number == 1)
    assert [(sheet.step, sheet.times) for sheet in first.sheets] == [(0, [5, 10]), (5, [10])]
    assert [len(costs) for costs in first.costs] == [4, 4]


def sheets(path, **changes):
    """The pictures of the first episode's replans, where frame t is grey of level t."""
    arrays = films()
    arrays["frames"][0] = np.arange(7, dtype=np.uint8)[:, None, None, None]
    arrays["imagined"][0], arrays["goals"][0] = WHITE, RED
    for name, values in changes.items():
        arrays[name][0] = values
    np.savez(path, **arrays)
    return [picture(sheet.uri) for film in read_films(path, 1) for sheet in film.sheets]


def cells(seen, row):
    """The one colour of each cell of a row of a sheet."""
    rows = seen[row * 66 : row * 66 + 64]
    colours = [np.unique(rows[:, x : x + 64].reshape(-1, 3), axis=0) for x in (0, 66, 132)]
    assert all(len(each) <= 1 for each in colours)
    return [tuple(map(int, each[0])) for each in colours if len(each)]


def test_a_sheet_has_the_plan_above_and_below_it_what_happened(tmp_path):
    first, second = sheets(tmp_path / "films.npz", horizons=[2, 2])
    assert first.shape == (2 * 64 + 2, 3 * 64 + 2 * 2, 3)
    assert cells(first, 0) == [RED, WHITE, WHITE]
    assert cells(first, 1)[:2] == [(0, 0, 0), (5, 5, 5)]
    assert cells(second, 1) == [(5, 5, 5), (6, 6, 6), UNSEEN]  # it ended at step 6 of 10


def test_what_later_plans_have_led_to_is_pale(tmp_path):
    first, _ = sheets(tmp_path / "films.npz")
    assert cells(first, 1)[2] == (168, 168, 168)  # step 6 at 10, 65 % white
    alone, _ = sheets(tmp_path / "films.npz", replans=[0, 6])
    assert cells(alone, 1)[2] == (6, 6, 6)


def test_a_file_with_half_of_the_plans_is_damaged(tmp_path):
    arrays = films()
    del arrays["costs"]
    np.savez(tmp_path / "films.npz", **arrays)
    with pytest.raises(DataError, match=r"damaged \(no array costs\).*dvc repro -f plan"):
        read_films(tmp_path / "films.npz", 3)


def test_charts_say_the_same_bytes_for_the_same_numbers(file):
    plan, shown = metrics(planner=45, straight=20), read_films(file, 3)
    first, second = (planning.section(plan, shown, OPTIONS).charts for _ in range(2))
    assert first == second
    assert len(first) == 2
    distance = b64decode(next(iter(first.values())).partition(",")[2]).decode()
    whiskers = set(re.findall("LineCollection_[0-9]+", distance))
    assert len(whiskers) == 2 * 2  # of two controllers, on the chart and in its legend
