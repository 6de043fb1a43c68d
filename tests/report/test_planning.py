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
from pipeline.report import planning
from pipeline.report.films import read_films

OPTIONS = PARAMS["plan"]
BLACK, WHITE, RED = (0, 0, 0), (255, 255, 255), (255, 0, 0)


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


def test_a_sheet_has_the_plan_above_and_below_it_what_happened(tmp_path):
    """Two frames are imagined; the first happens, the second never does."""
    arrays = films()
    arrays["frames"][0] = BLACK
    arrays["frames"][0, 5] = RED
    arrays["goals"][0], arrays["imagined"][0] = WHITE, WHITE
    np.savez(tmp_path / "films.npz", **arrays)
    sheet = read_films(tmp_path / "films.npz", 1)[0].sheets[0]
    seen = picture(sheet.uri)
    assert seen.shape == (2 * 64 + 2, 3 * 64 + 2 * 2, 3)
    assert (seen[:64] == WHITE).all()
    assert (seen[66:, :64] == BLACK).all()
    assert (seen[66:, 66:130] == RED).all()
    assert len(np.unique(seen[66:, 132:])) == 1
    assert seen[66, 132, 0] not in (0, 255)


def test_what_later_plans_have_led_to_is_pale(tmp_path):
    arrays = films()
    arrays["replans"][0], arrays["frames"][0] = [0, 2], RED
    np.savez(tmp_path / "films.npz", **arrays)
    first, second = (
        picture(sheet.uri)[66:, 66:130] for sheet in read_films(tmp_path / "films.npz", 1)[0].sheets
    )
    assert (first[..., 1] > 100).all()
    assert len(np.unique(second)) == 1  # the episode is over by then


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
