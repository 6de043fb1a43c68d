"""`wm view` in a headless browser, and what it refuses without one."""

import os
import shutil
import socket
import sys
from pathlib import Path

import numpy as np
import pytest
from browser_helpers import CHROMIUM
from scenes_helpers import refused, wm, write_rollout

from pipeline.tools.scenes import card as cards
from pipeline.tools.scenes.lift import Lifting
from pipeline.tools.scenes.viewer import Viewer, coloured, default_depth, views


@pytest.fixture
def shown(export):
    return views(export, cards.read(export), Lifting("truth", 30, 2, 40.0, 10**6, 0))


@pytest.fixture
def viewer(shown):
    pytest.importorskip("viser", reason="make test-scenes installs it")
    running = Viewer(shown, free_port(), 8)
    yield running
    running.server.stop()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_cameras_stand_where_they_are_and_up_is_up(shown, export):
    assert shown.numbers == [0, 2, 4]
    assert shown.up()[2] > 0.9
    assert (np.abs(shown.eyes()[:, 2] - 1.5) < 1e-9).all()
    np.testing.assert_allclose(shown.intrinsics, cards.read(export).intrinsics()[[0, 2, 4]])
    assert set(shown.cloud.frames) == {0, 2, 4}


def test_near_is_red_far_is_blue_and_nothing_is_black():
    depth = np.array([[0, 1, 2], [5, 9, np.nan]], np.float32)
    (picture,) = coloured([depth])
    assert picture[0, 1].argmax() == 0
    assert picture[1, 1].argmax() == 2
    assert (picture[[0, 1], [0, 2]] == 0).all()


def test_without_depth_there_are_cameras_and_without_both_a_refusal(export, room, tmp_path):
    bare = shutil.copytree(export, tmp_path / "bare")
    shutil.rmtree(bare / "depth")
    assert default_depth(bare, None) is None
    assert default_depth(export, None) == "truth"
    found = views(bare, cards.read(bare), None)
    assert (len(found.images), found.cloud, found.depth) == (6, None, [])
    write_rollout(room, tmp_path / "rollout", cameras=False)
    wm("export-3d", tmp_path / "rollout", tmp_path / "unknown")
    line = refused("view", tmp_path / "unknown")
    assert "its cameras are unknown and it has no depth" in line
    assert "holds no depth; export what has true" in refused("view", bare, "--depth", "net")
    assert "holds no export.json" in refused("view", tmp_path)


def test_the_extra_is_named_where_it_is_not_installed(export, monkeypatch):
    monkeypatch.setitem(sys.modules, "viser", None)
    assert "which is not installed: `pip install -e '.[viewer]'`" in refused("view", export)


def test_the_timeline_shows_one_cloud_or_all_up_to_it(viewer):
    visible = lambda: [cloud.visible for cloud in viewer._clouds]  # noqa: E731
    assert visible() == [True, False, False]
    viewer.timeline.value = 1
    assert visible() == [False, True, False]
    viewer.accumulate.value = True
    assert visible() == [True, True, False]
    times = round(290 / viewer.shown.images[1].shape[1])
    np.testing.assert_array_equal(viewer.image.image[::times, ::times], viewer.shown.images[1])
    np.testing.assert_array_equal(viewer.depth.image[::times, ::times], viewer.shown.depth[1])
    assert [tuple(f.color) for f in viewer._frustums].count((255, 120, 0)) == 1
    viewer.cameras.value = False
    assert not any(frustum.visible for frustum in viewer._frustums)


def test_it_plays_round_until_it_is_interrupted(viewer, monkeypatch):
    seen = []

    def tick(seconds):
        assert seconds == 1 / 8
        seen.append(viewer.timeline.value)
        if len(seen) == 5:
            raise KeyboardInterrupt

    monkeypatch.setattr("pipeline.tools.scenes.viewer.time.sleep", tick)
    viewer.playing.value = True
    viewer.serve()
    assert seen == [0, 1, 2, 0, 1]


def test_it_listens_to_this_machine_alone(viewer):
    port = viewer.server.get_port()
    table = Path("/proc/net/tcp").read_text().splitlines()[1:]
    listening = [line.split() for line in table]
    hosts = {row[1].split(":")[0] for row in listening
             if row[3] == "0A" and int(row[1].split(":")[1], 16) == port}  # fmt: skip
    assert hosts == {"0100007F"}
    assert viewer.url == f"http://127.0.0.1:{port}"


def test_a_browser_shows_it(viewer, tmp_path):
    if CHROMIUM is None:
        if os.environ.get("CI"):
            pytest.fail("CI must have chromium on its PATH")
        pytest.skip("no chromium on the PATH")
    from PIL import Image
    from playwright.sync_api import sync_playwright

    viewer.accumulate.value = True
    viewer.timeline.value = 2
    screen = tmp_path / "screen.png"
    with sync_playwright() as play:
        arguments = ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader",
                     "--enable-unsafe-swiftshader"]  # fmt: skip
        browser = play.chromium.launch(executable_path=CHROMIUM, args=arguments)
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(viewer.url)
        page.get_by_text("Clouds up to here").wait_for(timeout=60_000)
        page.get_by_text("Depth, near in red").wait_for()
        page.wait_for_timeout(4000)
        page.screenshot(path=screen)
        browser.close()
    assert errors == []
    pixels = np.asarray(Image.open(screen).convert("RGB"))[100:700, 50:850].reshape(-1, 3)
    # The scene is drawn: an empty one is of one colour, or two.
    assert len(np.unique(pixels // 16, axis=0)) > 30
    if "WM_SCREENSHOT" in os.environ:
        shutil.copy(screen, os.environ["WM_SCREENSHOT"])
