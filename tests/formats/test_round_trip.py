"""What a simulator wrote in a published layout is what the reader reads."""

import numpy as np
import pytest
from helpers import DATASETS, default

from pipeline.formats import FORMATS
from pipeline.worlds import WORLDS

SMALL = {
    "wall": {"size": 32},
    "pusht": {"size": 96},
    "point_maze": {"size": 32},
    "rope": {"size": 32},
    "granular": {"size": 32},
    "rt1": {"height": 128, "width": 160},
    "csgo": {"lead_in": 5, "held_out": [2]},
}
# Mean difference of 8-bit pixels, as measured, rounded up: H.264 of PushT, AV1 of the arm.
CODEC_ERROR = {"pusht": 1.0, "rt1": 2.0}


@pytest.mark.parametrize("name", DATASETS)
def test_every_frame_action_and_state_of_a_simulator_comes_back(name, tmp_path):
    module, options = default(WORLDS, name, **SMALL.get(name, {}))
    episodes = list(module.build(options).collect(3, 8, seed=0))
    layout, chosen = default(FORMATS, name)
    dataset = layout.build(chosen)
    dataset.write(episodes, tmp_path / "raw")
    source = dataset.open(tmp_path / "raw")
    assert len(source) == len(episodes)
    for index, original in enumerate(episodes):
        read = source[index]
        np.testing.assert_array_equal(read.actions, original.actions)
        np.testing.assert_array_equal(read.states, original.states)
        assert original.meta.items() <= read.meta.items()
        error = np.abs(read.frames.astype(float) - original.frames).mean()
        assert error <= CODEC_ERROR.get(name, 0)
        assert (read.video is not None) == (name in CODEC_ERROR)
