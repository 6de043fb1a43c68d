"""`wm bench ingest`: what ingest costs a source once, and the published loader at every step."""

import json

import pytest
import torch
import yaml
from dataset_helpers import layout, write
from helpers import PARAMS, default
from ingest_helpers import InMemory, ingest_options
from lerobot_helpers import make
from typer.testing import CliRunner

from pipeline.__main__ import app
from pipeline.errors import DataError
from pipeline.formats import FORMATS
from pipeline.tools.bench import ingest, reference_loader

LENGTHS = (12, 9)


def opened(name, folder):
    write(name, folder, LENGTHS)
    return layout(name).open(folder)


@pytest.mark.parametrize("name", ["point_maze", "wall", "rope", "pusht", "rt1", "csgo"])
def test_every_kind_of_source_is_timed(name, tmp_path):
    source = opened(name, tmp_path / "raw")
    options = ingest_options()
    found = ingest.run(
        source, name, tmp_path / "raw", 2, options, episodes=2, clip_frames=3, repeats=1
    )
    assert (found.episodes, found.frames) == (2, sum(LENGTHS))
    assert found.clips == 7 + 4  # as many starts as leave 3 frames, 2 steps each
    for cost in (found.read, found.ingest, found.reference_clip):
        assert cost.per_second > 0
        assert cost.cpu_ms > 0
    assert found.paid_after == pytest.approx(
        found.ingest.cpu_ms / found.reference_clip.cpu_ms, abs=1e-3
    )
    assert found.codec == ("as recorded" if name in ("pusht", "rt1") else options.codec)


def test_films_are_read_from_any_keyframe_on(tmp_path):
    module, options = default(FORMATS, "rt1")
    module.build(options).write([make(0, 20)], tmp_path / "raw")
    source = module.build(options).open(tmp_path / "raw")
    episode = source[0]
    frames = reference_loader.frames_of(source, "rt1", tmp_path / "raw", 0, episode)
    for steps in ([0, 1, 2], [7, 8, 9], [5, 10, 19]):
        expected = torch.from_numpy(episode.frames[steps]).permute(0, 3, 1, 2)
        assert torch.equal(frames(steps), expected)


def test_a_clip_is_stretched_and_scaled():
    def frames(indices):
        return torch.tensor([0.0, 255.0])[:, None, None, None].expand(2, 3, 10, 20)

    found = reference_loader.clip(frames, [0, 1])
    assert found.shape == (2, 3, 256, 256)
    assert found[0].eq(-1).all()
    assert found[1].eq(1).all()


def test_other_frames_than_ours_are_noticed(tmp_path, monkeypatch):
    source = opened("wall", tmp_path / "raw")
    honest = reference_loader._tensors
    monkeypatch.setattr(
        reference_loader, "_tensors", lambda path, first, steps: honest(path, first, [0] * 3)
    )
    with pytest.raises(AssertionError, match="episode_000"):
        ingest.run(
            source,
            "wall",
            tmp_path / "raw",
            2,
            ingest_options(),
            episodes=1,
            clip_frames=3,
            repeats=1,
        )


def test_what_cannot_be_compared_is_refused(tmp_path):
    source = opened("wall", tmp_path / "raw")
    with pytest.raises(
        DataError, match=r"no clip of --frames = 7 at frame interval 2; lower --frames"
    ):
        ingest.run(
            source,
            "wall",
            tmp_path / "raw",
            2,
            ingest_options(),
            episodes=1,
            clip_frames=7,
            repeats=1,
        )
    with pytest.raises(DataError, match="time another data set"):
        ingest.run(
            InMemory([source[0]]),
            "wall",
            tmp_path,
            2,
            ingest_options(),
            episodes=1,
            clip_frames=2,
            repeats=1,
        )


def test_the_command_reads_a_data_set_and_writes_its_figures(tmp_path):
    write("wall", tmp_path / "raw", (24, 20))
    params, out = tmp_path / "params.yaml", tmp_path / "ingest.json"
    params.write_text(yaml.safe_dump({**PARAMS, "dataset": "wall"}))
    words = ["bench", "ingest", str(tmp_path / "raw"), "--repeats", "1"]
    done = CliRunner().invoke(app, [*words, "--params", str(params), "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert "44 frames of 2 episodes of wall" in done.output
    figures = json.loads(out.read_text())
    assert (figures["dataset"], figures["interval"], figures["clip_frames"]) == ("wall", 5, 4)
    assert figures["machine"]["threads"] == 1
    assert figures["reference_clip"]["per_second"] > 0
