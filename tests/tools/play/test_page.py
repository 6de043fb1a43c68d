"""The page in a real browser, driven by keys and clicks, with a real server and a small model."""

import re
import time
import zipfile
from pathlib import Path

import pytest
from browser_helpers import OVERFLOW, WIDTHS, launched, watched
from in_process import run_stages
from pipeline_helpers import make_workspace, set_params
from play_helpers import serving

from pipeline.episodes.csgo_actions import ACTION_DIM, encode
from pipeline.episodes.csgo_actions import Controls as Pressed
from pipeline.params import STAGES
from pipeline.tools.play.playable import Playable
from pipeline.tools.play.sources import paths_of
from pipeline.worlds._shared.planar.world import Planar
from pipeline.worlds.csgo import Csgo
from pipeline.worlds.point_maze import PointMaze
from pipeline.worlds.pusht import PushT
from pipeline.worlds.room import Room
from pipeline.worlds.rt1 import Rt1
from pipeline.worlds.wall import Wall

pytestmark = pytest.mark.slow
LEARNS = {
    "encoder": "patch_pca",
    "encoders.patch_pca": {"patch": 8, "components": 16, "centre": "picture"},
    "datasets.wall.frame_interval": 1,
    "worlds.wall.episodes": 150,
    "worlds.wall.steps": 40,
    "worlds.wall.doors": [32],
    "denoisers.nanowm.size": {"width": 64, "depth": 4, "heads": 4},
    "train.steps": 500,
    "train.batch": 32,
    "train.warmup": 30,
}
"""A model that has learnt where the dot goes, in half a minute."""
UNUSED = ("evaluate", "rollout", "report", "plan")
CENTRE = """id => {
  const copy = new OffscreenCanvas(32, 32).getContext('2d', {willReadFrequently: true});
  copy.drawImage(document.getElementById(id), 0, 0);
  const {data, width} = copy.getImageData(0, 0, 32, 32);
  let [x, y, all] = [0, 0, 0];
  for (let i = 0; i < data.length / 4; i++) {
    const red = Math.max(0, data[4 * i] - data[4 * i + 1] - 40);
    [x, y, all] = [x + red * (i % width), y + red * Math.floor(i / width), all + red];
  }
  return [x / all, y / all];
}"""
"""The middle of the red dot on a canvas, in its pixels."""
MIDDLE = "#clip=1&start=0&seed=0"


@pytest.fixture(scope="module")
def playable(tmp_path_factory):
    folder = make_workspace(tmp_path_factory.mktemp("play") / "run")
    set_params(folder, LEARNS)
    run_stages(folder, [stage for stage in STAGES if stage not in UNUSED])
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        model = Path("models/wall/patch_pca")
        yield Playable(paths_of(model, None, None, Path("params.yaml")), 4, 1)


@pytest.fixture(scope="module")
def address(playable, tmp_path_factory):
    with serving(playable, tmp_path_factory.mktemp("recordings")) as (_, port):
        yield f"http://127.0.0.1:{port}/"


@pytest.fixture(scope="module")
def browser():
    with launched() as browser:
        yield browser


@pytest.fixture
def view(browser, address):
    """A page that plays; whatever is done, the browser has nothing to complain of."""
    view, complaints = watched(browser, WIDTHS[0])
    view.goto(address + MIDDLE)
    playing(view)
    yield view
    view.close()
    assert complaints == []


def until(view, condition, seconds=10):
    """Wait for a JavaScript condition; the page itself may evaluate no text."""
    end = time.monotonic() + seconds
    while not view.evaluate(condition):
        assert time.monotonic() < end, condition
        view.wait_for_timeout(20)


def playing(view):
    view.wait_for_selector("#connection[data-state=good]")
    until(view, "document.getElementById('fps').textContent > 3")


def moved(view, key, name, axis, sign):
    """Hold a key until the dot of a canvas has moved to one side."""
    begun = view.evaluate(CENTRE, name)[axis]
    view.keyboard.down(key)
    try:
        condition = f"{sign} * (({CENTRE})('{name}')[{axis}] - {begun}) > 3"
        until(view, condition)
    finally:
        view.keyboard.up(key)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_the_page_fits_and_the_browser_does_not_complain(browser, address, width, scheme):
    view, complaints = watched(browser, width, color_scheme=scheme)
    view.goto(address)
    playing(view)
    assert view.evaluate(OVERFLOW) <= 0
    assert view.locator("#imagined").bounding_box()["width"] > 150
    view.set_viewport_size({"width": width, "height": 300})
    box = view.locator("#imagined").bounding_box()  # places on it are shares of its sides
    assert 150 < box["width"] <= 210.01
    assert box["width"] == pytest.approx(box["height"])
    assert re.fullmatch(r"\d+\.\d{3}", view.locator("#latent-error").inner_text())
    view.close()
    assert complaints == []


@pytest.mark.parametrize("name", ["imagined", "real"])
def test_a_key_moves_the_dot_to_its_side_in_both_panes(view, name):
    moved(view, "ArrowRight", name, 0, 1)
    moved(view, "KeyA", name, 0, -1)
    moved(view, "ArrowDown", name, 1, 1)
    moved(view, "KeyW", name, 1, -1)
    assert view.locator("#latency").inner_text().endswith(" ms")


def test_a_drag_and_a_key_on_the_screen_move_it_too(view):
    x, y = view.evaluate(CENTRE, "real")
    box = view.locator("#imagined").bounding_box()
    view.mouse.move(box["x"] + 100, box["y"] + 100)
    view.mouse.down()
    view.mouse.move(box["x"] + 100, box["y"] + 300)
    until(view, f"({CENTRE})('real')[1] > {y} + 3")
    view.mouse.up()
    view.locator(".key", has_text="←").hover()
    view.mouse.down()
    until(view, f"({CENTRE})('real')[0] < {x} - 3")
    view.mouse.up()


def test_more_denoising_steps_take_longer(view):
    spent = {}
    for key, steps in (("Home", "1"), ("End", "50")):
        view.locator("#steps").focus()
        view.keyboard.press(key)
        assert view.locator("#steps-value").inner_text() == steps
        assert f"steps={steps}" in view.url
        view.locator("#view").focus()
        for _ in range(6):
            view.keyboard.press("ArrowRight", delay=300)
        spent[steps] = float(view.locator("#latency").inner_text().split()[0])
    assert spent["50"] > 2 * spent["1"]


def test_it_begins_again_stands_still_and_goes_on_frame_by_frame(view):
    begun = view.evaluate(CENTRE, "real")
    moved(view, "ArrowRight", "real", 0, 1)
    view.keyboard.press("p")
    view.keyboard.press("b")
    until(view, f"Math.abs(({CENTRE})('real')[0] - {begun[0]}) < .01")
    view.wait_for_timeout(300)
    assert view.evaluate(CENTRE, "real") == begun
    view.keyboard.down("ArrowRight")
    view.keyboard.press("n")
    until(view, f"({CENTRE})('real')[0] > {begun[0]} + .5")


def test_taking_over_ends_the_dreams_error(view):
    moved(view, "ArrowRight", "imagined", 0, 1)
    view.keyboard.press("p")
    view.wait_for_timeout(300)
    error = float(view.locator("#latent-error").inner_text())
    view.keyboard.press("t")
    until(view, f"document.getElementById('latent-error').textContent < {error}")


def test_a_recording_is_offered_and_holds_what_was_done(view, tmp_path):
    view.keyboard.press("m")
    view.wait_for_selector("#record[aria-pressed=true]")
    moved(view, "ArrowRight", "real", 0, 1)
    view.keyboard.press("m")
    with view.expect_download() as download:
        view.locator("#recording-list a").first.click()
    download.value.save_as(tmp_path / "recording.zip")
    with zipfile.ZipFile(tmp_path / "recording.zip") as archive:
        names = {Path(name).name: name for name in archive.namelist()}
        assert {"imagined.mp4", "real.mp4", "recording.json"} <= set(names)
        rows = archive.read(names["actions.csv"]).decode().splitlines()
    assert "1.7" in rows[-1] or any(float(row.split(",")[0]) > 1 for row in rows)


def test_the_planner_drives_to_the_goal_and_shows_what_it_imagines(view):
    begun = view.evaluate(CENTRE, "real")
    view.keyboard.press("g")
    view.wait_for_selector("#plan[aria-pressed=true]")
    view.wait_for_selector("#strip canvas")
    assert view.locator("#goal").get_attribute("aria-label") == "The goal"
    until(view, f"({CENTRE})('real')[0] != {begun[0]}")
    view.keyboard.press("g")
    view.wait_for_selector("#plan[aria-pressed=false]")


def test_a_link_leads_to_its_start(browser, address, view):
    other, _ = watched(browser, WIDTHS[0])
    other.goto(address + "#clip=2&start=3&seed=7&steps=2")
    playing(other)
    values = {name: other.locator(f"#{name}").input_value() for name in ("clip", "seed", "steps")}
    assert values == {"clip": "2", "seed": "7", "steps": "2"}
    assert "start=3" in other.url
    other.close()


def test_the_server_says_no_in_one_line_and_goes_on(view):
    view.locator("#start-step").fill("99999")
    view.locator("#start-step").press("Enter")
    until(view, "document.getElementById('line').textContent.includes('99999')")
    playing(view)


def test_a_server_that_is_gone_is_found_again(playable, browser, tmp_path):
    view, _ = watched(browser, WIDTHS[0])
    with serving(playable, tmp_path) as (_, port):
        view.goto(f"http://127.0.0.1:{port}/#clip=1&start=2&seed=5&steps=3")
        playing(view)
    view.wait_for_selector("#connection[data-state=bad]")
    assert view.locator("#connection").inner_text() == "the server is gone; trying again"
    with serving(playable, tmp_path, port=port):
        playing(view)
        until(view, "location.hash === '#clip=1&start=2&seed=5&steps=3'")
    view.close()


DRIVE = """async ({controls, low, high, codes, drag, look}) => {
  const {Driver} = await import('./drive.js');
  const {Sliders} = await import('./sliders.js');
  const inputs = {down: new Set(codes), taps: new Set(), drag, place: null, moved: look,
                  pushes: drag ? [drag] : [], pad: () => null};
  const sliders = new Sliders(document.createElement('div'), controls, {low, high});
  const driver = new Driver(controls, inputs, sliders);
  const doing = () => {
    const {action, impulse} = driver.act();
    const done = [impulse?.number ?? 0, (impulse?.action ?? action).map((value) => value + 0)];
    if (driver.waits) driver.sent(time);
    return done;
  };
  let time = 1;
  const all = [doing(), doing()];
  driver.answered(time++);
  inputs.moved = look; // as much again
  all.push(doing());
  inputs.down.clear();
  inputs.taps.add(codes[0]); // and a key that was let go already
  driver.answered(time++);
  all.push(doing());
  driver.answered(time++);
  return [...all, doing()];
}"""
"""Numbers of impulses and actions at five times: twice before, and then after each of 3 answers."""
WORLDS = {
    each.__name__: (each.controls, each.low.tolist(), each.high.tolist())
    for each in (Wall, PointMaze, PushT, Planar, Rt1, Room)
}
WORLDS["Csgo"] = (Csgo.controls, [0.0] * ACTION_DIM, [1.0] * ACTION_DIM)
ACTIONS = {
    "Wall": ({"codes": ["ArrowUp", "ArrowRight"]}, [1.2728, -1.2728]),
    "PointMaze": ({"codes": ["KeyS"]}, [0, 1]),
    "PushT": ({"codes": ["ArrowLeft"]}, [-0.28, 0]),
    "Planar": ({"drag": {"from": [0.5, 0.5], "to": [0.5, 0.4]}}, [0, 0, -0.61636, 0.61636]),
    "Rt1": ({"codes": ["KeyR", "KeyC"]}, [0, 0, 0.06, 0, 0, 0, 0]),
    "Room": ({"codes": ["KeyW"], "look": [10, 0]}, [0.25, 0, -0.04, 0]),
    "Csgo": (
        {"codes": ["KeyW", "Mouse0"], "look": [58, -9]},
        encode(Pressed(frozenset({"w"}), frozenset({"left"}), dx=60, dy=-10)).tolist(),
    ),
}
"""What is done in each world, and the action that it makes."""


@pytest.mark.parametrize("name", WORLDS)
def test_the_inputs_of_every_world_become_its_actions(view, name):
    controls, low, high = WORLDS[name]
    given = {"controls": controls.described(low, high), "low": low, "high": high}
    given |= {"codes": [], "drag": None, "look": [0, 0]}
    idle = given["controls"]["idle"]
    assert view.evaluate(DRIVE, given)[0] == [0, pytest.approx(idle)]
    done, action = ACTIONS[name]
    first, same, again, tapped, last = view.evaluate(DRIVE, given | done)
    impulses = {"Planar": (1, 0), "Room": (1, 2), "Csgo": (1, 2)}.get(name, (0, 0))
    assert first == same == [impulses[0], pytest.approx(action, abs=1e-4)]
    assert again[0] == impulses[1]
    if impulses[1]:
        assert again == [2, first[1]]
    assert (tapped[1] == pytest.approx(idle)) == (name == "Planar")
    rests = [0] * 7 if name == "Rt1" else idle  # the gripper stays where it was left
    assert last == [0, pytest.approx(rests)]
