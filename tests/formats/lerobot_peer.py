"""Write and read data sets with the lerobot library, in a process of its own.

`python lerobot_peer.py THEIRS TRUTH.npz OURS OUT.npz` writes the episodes of TRUTH to the folder
THEIRS, reads them and those of the folder OURS, and stores every value in OUT.
"""

import sys
from pathlib import Path

import av
import numpy as np
import torch

from pipeline.compute import torchvision_shim

torchvision_shim.make_importable()

from lerobot.datasets import lerobot_dataset  # noqa: E402

FEATURES = {
    "observation.images.image": {"dtype": "video", "shape": (48, 64, 3), "names": ["h", "w", "c"]},
    "observation.images.still": {"dtype": "image", "shape": (16, 16, 3), "names": ["h", "w", "c"]},
    "observation.state": {"dtype": "float32", "shape": (8,), "names": None},
    "observation.environment_state": {"dtype": "float32", "shape": (3,), "names": None},
    "action": {"dtype": "float32", "shape": (7,), "names": None},
}


def decode(video, timestamps, tolerance, backend):
    """Replaces the library's decoder, which needs an API removed from torchvision."""
    with av.open(str(video)) as container:
        frames = {
            frame.time: frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)
        }
    nearest = [min(frames, key=lambda time: abs(time - target)) for target in timestamps]
    assert all(abs(a - b) < tolerance for a, b in zip(nearest, timestamps, strict=True))
    stacked = np.stack([frames[time] for time in nearest])
    return torch.from_numpy(stacked).permute(0, 3, 1, 2).float() / 255


def write(folder, truth):
    with np.load(truth) as file:
        inputs = dict(file)
    dataset = lerobot_dataset.LeRobotDataset.create("test/set", 3, FEATURES, folder)
    for episode, task in enumerate(["pick the cube", "öffne die Schublade"]):
        for step in range(len(inputs[f"{episode}/action"])):
            frame = {name: inputs[f"{episode}/{name}"][step] for name in FEATURES}
            dataset.add_frame(frame, task)
        dataset.save_episode()


def read(folder, name):
    dataset = lerobot_dataset.LeRobotDataset("test/set", folder, video_backend="pyav")
    items = [dataset[index] for index in range(len(dataset))]
    columns = {key: np.stack([np.asarray(item[key]) for item in items]) for key in items[0]}
    for feature, kinds in dataset.meta.stats.items():
        columns |= {f"stats/{feature}/{kind}": value for kind, value in kinds.items()}
    columns["version"] = np.array(dataset.meta.info["codebase_version"])
    return {f"{name}/{key}": value for key, value in columns.items()}


if __name__ == "__main__":
    theirs, truth, ours, out = map(Path, sys.argv[1:])
    lerobot_dataset.decode_video_frames = decode
    write(theirs, truth)
    np.savez(out, **read(theirs, "theirs"), **read(ours, "ours"))
