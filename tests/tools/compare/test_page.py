"""The page of a comparison in a real browser: nothing fetched, nothing cut off, all of it shown."""

from pathlib import Path

import numpy as np
import pytest
from browser_helpers import shown
from compare_helpers import measured_workspace

from pipeline.tools.compare import clips, page
from pipeline.tools.compare.comparison import compare
from pipeline.tools.compare.content import read
from pipeline.tools.compare.runs import open_runs

MODEL = {"latent_mse": [0.05, 0.2], "psnr": [31.5, 29.0], "ssim": [0.9, 0.8]}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two runs of the same clips, and one with a long name and other clips."""
    folder = tmp_path_factory.mktemp("runs")
    first = measured_workspace(folder / "base")
    better = measured_workspace(
        folder / "better", {"train.steps": 7}, evaluate={"model": MODEL}, train={"loss": 0.2}
    )
    other = measured_workspace(folder / ("other_" * 12), {"encoder": "patch_pca"}, seed=1)
    return [read(run) for run in open_runs([str(first), str(better), str(other)], folder)]


@pytest.fixture(scope="module")
def html(runs, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "compare.html"
    path.write_text(page.render(runs, compare(runs)))
    return path


def test_it_needs_no_other_file_and_is_the_same_again(runs, html):
    text = html.read_text()
    assert "http" not in text.replace("http://www.w3.org", "")
    assert "<script" not in text
    assert page.render(runs, compare(runs)) == text


def test_runs_of_the_same_clips_share_a_picture(runs):
    films = clips.dreams(runs)
    assert [film.runs for film in films] == [[None, 0, 1]] * 3 + [[None, 2]] * 3
    plans = clips.plans(runs)
    assert [film.words for film in plans[:3]] == [
        ["", "reached, 4 steps", "reached, 4 steps"],
        ["", "missed, 2 steps", "missed, 2 steps"],
        ["", "reached, 3 steps", "reached, 3 steps"],
    ]


def test_panels_of_other_sizes_and_lengths_play_together():
    small = np.zeros((2, 8, 8, 3), np.uint8)
    large = np.full((3, 16, 12, 3), 255, np.uint8)
    joined = clips.side_by_side([small, large])
    assert [frame.shape for frame in joined] == [(16, 12 + clips.GAP + 12, 4)] * 3
    assert (joined[2][:, :12, :3] == 0).all()
    assert (joined[2][:, -12:] == 255).all()
    assert (joined[2][:, 12 : 12 + clips.GAP, 3] == 0).all()  # the page is seen through it


def test_charts_take_the_colours_of_the_page(html):
    text = html.read_text()
    assert text.count("<svg") == 5
    for name in ("ink", "soft", "line"):
        assert f"var(--{name})" in text[text.index("<svg") :]
    for placeholder in ("#010203", "#040506", "#070809"):
        assert placeholder not in text


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_browser_shows_all_of_it(html, scheme):
    for view in shown(Path(html), color_scheme=scheme):
        sizes = view.evaluate(
            "Promise.all([...document.querySelectorAll('img, figure svg')].map(async i => "
            "{if (i.decode) await i.decode(); const b = i.getBoundingClientRect();"
            " return [b.width, b.height]}))"
        )
        assert len(sizes) == 5 + 6 + 6
        assert all(min(size) > 50 for size in sizes)
        ground = view.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (ground == "rgb(255, 255, 255)") == (scheme == "light")
