"""`wm plot-metrics`: what is drawn, and tables that are refused."""

import csv

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from pipeline.__main__ import app
from pipeline.errors import UserError
from pipeline.tools.metrics.plot import _names, curves


def table(path, clips=5, frames=8, names=("psnr", "ssim"), seed=0):
    rng = np.random.default_rng(seed)
    path.parent.mkdir(exist_ok=True)
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["clip", "frame", *names])
        for clip in range(clips):
            for frame in range(frames):
                rows.writerow([f"c{clip}", frame, *rng.normal(30 - frame, 1, len(names))])
    return path


def plot(*words):
    return CliRunner().invoke(app, ["plot-metrics", *map(str, words)])


def test_a_curve_is_the_mean_over_clips_with_its_interval(tmp_path):
    found = curves(table(tmp_path / "a.csv"))
    rows = np.genfromtxt(tmp_path / "a.csv", delimiter=",", skip_header=1)
    assert list(found) == ["psnr", "ssim"]
    one = found["psnr"]
    assert one.frames == list(range(8))
    for frame in range(8):
        assert one.means[frame] == pytest.approx(rows[rows[:, 1] == frame, 2].mean())
        assert one.low[frame] < one.means[frame] < one.high[frame]


def test_every_run_has_its_colour_in_every_panel(tmp_path):
    first = table(tmp_path / "a.csv")
    second = table(tmp_path / "b.csv", names=("psnr", "ssim", "lpips"), seed=1)
    done = plot(first, second, "--out", tmp_path / "x.png")
    assert done.exit_code == 0, done.output
    picture = np.asarray(Image.open(tmp_path / "x.png").convert("RGB"))
    assert picture.shape[1] > 2.5 * picture.shape[0]
    thirds = np.array_split(picture, 3, 1)
    blue, orange = [0, 0x72, 0xB2], [0xD5, 0x5E, 0]
    drawn = [[bool((part == colour).all(2).any()) for colour in (blue, orange)] for part in thirds]
    assert drawn == [[True, True], [True, True], [False, True]]
    before = (tmp_path / "x.png").read_bytes()
    plot(first, second, "--out", tmp_path / "x.png")
    assert (tmp_path / "x.png").read_bytes() == before


def test_runs_are_told_apart_by_as_few_words_as_it_takes(tmp_path):
    a, b, c = (tmp_path / name for name in ("a.csv", "b.csv", "x/a.csv"))
    assert _names([a, b]) == ["a", "b"]
    assert _names([a, c]) == [f"{tmp_path.name}/a", "x/a"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("clip,frame,psnr\nc,0,nan\n", "psnr = nan is no measurement"),
        ("clip,frame,psnr\nc,0,x\n", "line 2: psnr = 'x'"),
        ("clip,frame\n", "no rows"),
        ("a,b\n1,2\n", "line 2: clip: Field required"),
    ],
)
def test_a_table_of_something_else_is_one_line(tmp_path, text, said):
    (tmp_path / "a.csv").write_text(text)
    done = plot(tmp_path / "a.csv", "--out", tmp_path / "x.png")
    assert isinstance(done.exception, UserError)
    assert said in str(done.exception)
    assert str(done.exception).endswith("; name a table of `wm metrics`")
    assert not (tmp_path / "x.png").exists()


def test_a_missing_table_and_another_ending_are_refused(tmp_path):
    done = plot(tmp_path / "gone.csv", "--out", tmp_path / "x.png")
    assert str(done.exception).endswith("gone.csv: no such file; name a table of `wm metrics`")
    done = plot(table(tmp_path / "a.csv"), "--out", tmp_path / "x.doc")
    assert "name a file that ends in .png or .svg" in str(done.exception)
