"""`wm metrics` on small videos: pairs of every kind, the numbers, and what is refused."""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from typer.testing import CliRunner
from video_helpers import moving, write_mp4, write_png

from pipeline.__main__ import app
from pipeline.errors import UserError
from pipeline.metrics import fvd, perceptual
from pipeline.metrics.backend import Backend
from pipeline.metrics.images import frechet, psnr, ssim
from pipeline.tools.metrics import run as command
from pipeline.tools.metrics import scorers
from pipeline.tools.metrics.pairs import find, frames_of

LENGTH, CLIPS = 13, 4


def wm(*words):
    done = CliRunner().invoke(app, [*map(str, words)])
    if done.exception and not isinstance(done.exception, UserError):
        raise done.exception
    return done


def refused(*words):
    done = wm(*words)
    assert isinstance(done.exception, UserError), done.output
    line = str(done.exception)
    assert "\n" not in line
    return line


def frames(number, length=LENGTH):
    truth = moving(length, seed=number)
    noise = np.random.default_rng(number).integers(-9, 10, truth.shape)
    noise = noise * np.arange(length)[:, None, None, None] // length
    return np.clip(truth + noise, 0, 255).astype(np.uint8), truth


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Pairs as `wm rollout` writes them."""
    folder = tmp_path_factory.mktemp("videos")
    for number in range(CLIPS):
        for name, each in zip(("generated", "truth"), frames(number), strict=True):
            write_mp4(folder / f"clip_{number:03d}_{name}.mp4", each)
    return folder


@pytest.fixture(autouse=True)
def without_weights(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))


def test_every_frame_is_scored_and_what_has_no_weights_says_how_to_get_them(folder, tmp_path):
    done = wm("metrics", folder, "--history", 1, "--out", tmp_path / "m.csv")
    for name in ("lpips", "fid", "fvd"):
        assert f"{name}: not computed: its weights are not here; get them: wm weights {name}" in (
            done.output
        )
    table = np.genfromtxt(
        tmp_path / "m.csv", delimiter=",", names=True, dtype=None, encoding="utf-8"
    )
    assert table.dtype.names == ("clip", "frame", "psnr", "ssim")
    assert len(table) == CLIPS * (LENGTH - 1)
    for number in range(CLIPS):
        made, real = (torch.from_numpy(x).permute(0, 3, 1, 2) / 255 for x in frames(number))
        mine = table[table["clip"] == f"clip_{number:03d}"]
        assert mine["frame"].tolist() == list(range(1, LENGTH))
        for name, score in (("psnr", psnr), ("ssim", ssim)):
            np.testing.assert_allclose(mine[name], score(made, real, peak=1)[1:], rtol=1e-6)
    clips = np.genfromtxt(
        tmp_path / "m.clips.csv", delimiter=",", names=True, dtype=None, encoding="utf-8"
    )
    summary = json.loads((tmp_path / "m.json").read_text())
    assert set(summary["not_computed"]) == {"lpips", "fid", "fvd"}
    assert set(summary["scores"]) == {"psnr", "ssim"}
    one = summary["scores"]["psnr"]
    assert one["value"] == pytest.approx(clips["psnr"].mean(), rel=1e-6)
    assert one["interval"][0] < one["value"] < one["interval"][1]
    assert one["measured"]["n"] == CLIPS


@pytest.fixture
def with_networks(monkeypatch):
    """Stand-ins for all networks: how far colours are apart, and colours."""

    def colours(images):
        unit = images.float() / 255 if images.dtype == torch.uint8 else images
        return unit.mean((-2, -1))

    def available(names, device):
        exact = {"psnr": lambda a, b: psnr(a, b, peak=1), "ssim": lambda a, b: ssim(a, b, peak=1)}
        exact["lpips"] = lambda a, b: (colours(a) - colours(b)).abs().mean(1)
        backends = {name: Backend(name, name * 8, "nowhere") for name in scorers.NAMES}
        made = {name: score for name, score in exact.items() if name in names}
        i3d = (lambda videos: colours(videos).mean(1)) if "fvd" in names else None
        fid = colours if "fid" in names else None
        return scorers.Scorers(made, fid, i3d, backends, {})

    monkeypatch.setattr(command, "available", available)
    return colours


def test_distances_stream_and_their_statistics_are_used_again(folder, tmp_path, with_networks):
    saved = tmp_path / "truth.safetensors"
    first = tmp_path / "a.csv"
    wm("metrics", folder, "--history", 2, "--out", first, "--save-statistics", saved)
    scores = json.loads(first.with_suffix(".json").read_text())["scores"]
    both = [
        torch.cat([torch.from_numpy(frames(n)[side][2:]).permute(0, 3, 1, 2) for n in range(CLIPS)])
        for side in (0, 1)
    ]
    made, real = (with_networks(each) for each in both)
    assert scores["fid"]["value"] == pytest.approx(float(frechet(made, real)), rel=1e-4)
    assert scores["fid"]["measured"] == {
        "n": CLIPS * 11, "of": "frames", "backend": "fid", "weights": "fid" * 8, "origin": "nowhere"
    }  # fmt: skip
    low, high = scores["fid"]["interval"]
    assert low < scores["fid"]["value"] < high
    stretches = [each.unflatten(0, (CLIPS, 11)).mean(1) for each in (made, real)]
    assert scores["fvd"]["value"] == pytest.approx(float(frechet(*stretches)), abs=1e-7)
    assert (scores["fvd"]["measured"]["n"], scores["fvd"]["measured"]["of"]) == (4, "stretches")
    assert scores["lpips"]["value"] > 0
    again = tmp_path / "b.csv"
    wm("metrics", folder, "--history", 2, "--out", again, "--statistics", saved)
    others = json.loads(again.with_suffix(".json").read_text())["scores"]
    for name in ("fid", "fvd"):
        assert others[name]["value"] == pytest.approx(scores[name]["value"], rel=1e-6, abs=1e-9)
        assert others[name]["interval"] is None
    line = refused("metrics", folder, "--out", again, "--statistics", saved)
    assert "fvd of 11 frames by weights fvdfvdfvdfvd, not of 13" in line
    saved.write_bytes(b"x")
    assert "no statistics of features" in refused("metrics", folder, "--statistics", saved)


def test_clips_too_short_for_an_fvd_have_none(tmp_path, with_networks):
    for name, each in zip(("gen", "gt"), frames(0, 8), strict=True):
        write_mp4(tmp_path / "v" / f"a_{name}.mp4", each)
    done = wm("metrics", tmp_path / "v", "--out", tmp_path / "m.csv")
    assert "fvd: not computed: clips have 8 frames after their history" in done.output
    assert "fvd" not in json.loads((tmp_path / "m.json").read_text())["scores"]


def test_only_what_is_asked_for_is_computed(folder, tmp_path):
    wm("metrics", folder, "--only", "ssim", "--out", tmp_path / "m.csv")
    assert (tmp_path / "m.csv").read_text().startswith("clip,frame,ssim\n")
    assert "'pnsr' is no score; did you mean psnr?" in refused("metrics", folder, "--only", "pnsr")


def test_the_history_is_that_of_the_rollout(folder, tmp_path, monkeypatch):
    place = shutil.copytree(folder, tmp_path / "rolled")
    (place / "rollout.json").write_text("{}")
    assert "rollout.json" in refused("metrics", place, "--out", tmp_path / "m.csv")
    card = SimpleNamespace(read=lambda *_: SimpleNamespace(history=5))
    monkeypatch.setattr(command, "FORMAT", card)
    wm("metrics", place, "--out", tmp_path / "m.csv")
    assert json.loads((tmp_path / "m.json").read_text())["history"] == 5


def layouts(folder: Path):
    """The same clip in every layout: generated, true, and where to look."""
    made, real = frames(1, 3)
    write_mp4(folder / "ours/x_generated.mp4", made)
    write_mp4(folder / "ours/x_truth.mp4", real)
    write_mp4(folder / "reference/x_gen.mp4", made)
    write_mp4(folder / "reference/x_gt.mp4", real)
    write_mp4(folder / "within/x/pred_video.mp4", made)
    write_mp4(folder / "within/x/gt_video.mp4", real)
    write_mp4(folder / "a/x.mp4", made)
    write_png(folder / "b/x", real)
    write_mp4(folder / "both/x_generated.mp4", made[:1])
    write_png(folder / "both/x_generated", made)
    write_png(folder / "both/x_truth", real)
    one = ((folder / name, None) for name in ("ours", "reference", "within", "both"))
    return made, real, [*one, (folder / "a", folder / "b")]


def test_pairs_are_found_in_every_layout(tmp_path):
    made, real, places = layouts(tmp_path)
    for place in places:
        (pair,) = find(*place)
        assert pair.name == "x"
        found = [np.stack(each) for each in zip(*frames_of(pair), strict=True)]
        np.testing.assert_array_equal(found[0], made)
        np.testing.assert_array_equal(found[1], real)


def pair_of(folder, made, real):
    write_mp4(folder / "x_generated.mp4", made)
    write_mp4(folder / "x_truth.mp4", real)
    return folder


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda f: f.mkdir(), "holds no pair of videos (NAME_generated.mp4 with NAME_truth.mp4"),
        (lambda f: write_mp4(f / "x_gen.mp4", moving(2)), "x_gen has no x_gt beside it; add it"),
        (
            lambda f: pair_of(f, moving(3), moving(5)),
            "x_generated.mp4: 3 frames, but {f}/x_truth.mp4: 5; cut both to one length",
        ),
        (
            lambda f: pair_of(f, moving(5), moving(2)),
            "x_generated.mp4: 5 frames, but {f}/x_truth.mp4: 2; cut both to one length",
        ),
        (
            lambda f: pair_of(f, moving(3), moving(3, (32, 32))),
            "frame 0 is 24 x 32, but that of {f}/x_truth.mp4 32 x 32; bring both to one size",
        ),
        (lambda f: pair_of(f, moving(2), moving(2)), "2 frames, of which --history 2 leaves none"),
        (
            lambda f: pair_of(f, moving(3, (8, 32)), moving(3, (8, 32))),
            "frames of 8 x 32 pixels, but SSIM compares windows of 11 x 11",
        ),
        (
            lambda f: pair_of(f, moving(3), moving(3)).joinpath("x_truth.mp4").write_bytes(b"x"),
            "x_truth.mp4: damaged (",
        ),
        (
            lambda f: (
                write_png(f / "x_gen", moving(3)).joinpath("000001.png").write_bytes(b"x")
                and write_png(f / "x_gt", moving(3))
            ),
            "000001.png: no PNG (",
        ),
    ],
)
def test_wrong_videos_are_one_line_and_nothing_is_written(tmp_path, make, said):
    folder = tmp_path / "v"
    make(folder)
    line = refused("metrics", folder, "--history", 2, "--out", tmp_path / "out/m.csv")
    assert said.format(f=folder) in line
    assert not (tmp_path / "out").exists()


def test_folders_of_other_names_are_refused(tmp_path):
    write_mp4(tmp_path / "a/x.mp4", moving(2))
    write_mp4(tmp_path / "b/y.mp4", moving(2))
    line = refused("metrics", tmp_path / "a", "--truth", tmp_path / "b")
    assert line == f"{tmp_path}/b: has no x, as {tmp_path}/a has; add it, or remove the other"
    line = refused("metrics", tmp_path / "gone")
    assert line == f"{tmp_path}/gone: no such folder; name one with videos"


def test_nothing_to_save_is_said(folder, tmp_path):
    words = ("--only", "psnr", "--save-statistics", tmp_path / "s", "--out", tmp_path / "m.csv")
    assert "neither FID nor FVD was computed" in refused("metrics", folder, *words)


def test_what_is_here_is_found(tmp_path, monkeypatch):
    for url in (*perceptual.WEIGHTS.values(), fvd.WEIGHTS):
        place = perceptual.cached(url)
        assert "?" not in place.name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.touch()
    assert [scorers._absent(name) for name in scorers.NAMES] == [None] * 5
    monkeypatch.setattr(scorers, "find_spec", lambda _: None)
    assert scorers._absent("fid").startswith("needs pytorch_fid, which is not installed: pip")
