"""The bench beside stable-worldmodel's Lance reader: the same windows, or none."""

import sys
from importlib.util import find_spec
from types import ModuleType

import numpy as np
import pytest
import torch

from pipeline.episodes.episode import Episode
from pipeline.errors import MachineError
from pipeline.tools.bench import lance

SETTING = lance.Setting(
    vae=(2, 4, 4), features=(3, 2, 2), frames=3, interval=2, batch=4, episodes=2, repeats=1
)
MODULE = "stable_worldmodel.data.formats.lance"


@pytest.fixture
def source():
    rng = np.random.default_rng(0)
    return [
        Episode(
            key=f"{n}",
            frames=rng.integers(256, size=(9, 16, 16, 3), dtype=np.uint8),
            actions=rng.standard_normal((9, 2), np.float32),
            states=np.zeros((9, 0), np.float32),
            meta={},
        )
        for n in range(3)
    ]


def check(found):
    names = list(found.variants)
    assert names[0] == lance.LANCE
    assert names[1:] == [
        "latents 2x4x4, means", "latents 2x4x4, posterior samples", "latents 3x2x2",
    ]  # fmt: skip
    assert [rate.count for rate in found.variants.values()] == [4, 80, 80, 80]
    assert found.difference == {"actions": 0}


@pytest.mark.skipif(find_spec("stable_worldmodel") is None, reason="make test-swm has it")
@pytest.mark.filterwarnings("ignore")
def test_its_own_reader_draws_the_windows_that_we_draw(source):
    check(lance.run(source, SETTING))


class Writer(list):
    """Keeps what is written, for `Reader`."""

    def __init__(self, path):
        super().__init__()
        Reader.written = self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def write_episodes(self, episodes):
        self.extend(episodes)


class Reader:
    """Windows as stable-worldmodel cuts them, whose actions come `late`."""

    late = 0

    def __init__(self, path, frameskip, num_steps):
        self.interval, self.frames = frameskip, num_steps
        span = frameskip * num_steps
        self.windows = [
            (episode, start)
            for episode in self.written
            for start in range(len(episode["action"]) - span + 1)
        ]

    def __len__(self):
        return len(self.windows)

    def __getitems__(self, rows):
        return [self.window(*self.windows[row]) for row in rows]

    def window(self, episode, start):
        steps = slice(start, start + self.interval * self.frames)
        pixels = np.stack(episode["pixels"])[steps][:: self.interval].transpose(0, 3, 1, 2)
        actions = np.roll(np.stack(episode["action"]), self.late, 0)[steps]
        return {
            "pixels": torch.from_numpy(pixels),
            "action": torch.from_numpy(actions.reshape(self.frames, -1)),
        }


@pytest.mark.skipif(find_spec("stable_worldmodel") is not None, reason="its own reader is there")
def test_windows_of_other_steps_are_not_timed(source, monkeypatch):
    with pytest.raises(MachineError, match=r"needs stable-worldmodel .*make test-swm"):
        lance.run(source, SETTING)
    module = ModuleType(MODULE)
    module.LanceDataset, module.LanceWriter = Reader, Writer
    parts = MODULE.split(".")
    for depth in range(1, len(parts)):
        name = ".".join(parts[:depth])
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setitem(sys.modules, MODULE, module)
    check(lance.run(source, SETTING))
    monkeypatch.setattr(Reader, "late", 1)
    with pytest.raises(AssertionError, match="actions differ by"):
        lance.run(source, SETTING)
