"""HDF5 files that several tests write and read."""

import io

import h5py
import numpy as np
from PIL import Image

from pipeline.formats.hdf5 import Options, build

T = 6
COLUMNS = {"episodes": {"groups": "."}, "cameras": "frames", "actions": "actions"}


def opened(folder, **values):
    """The source of a folder with a block of options."""
    block = {"format": "hdf5", "root": str(folder), **values}
    return build(Options.model_validate(block)).open(folder)


def write(path, **arrays):
    """Add arrays to a file by their paths, in which __ stands for a slash."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "a") as file:
        for name, values in arrays.items():
            file[name.replace("__", "/")] = values


def images(count, *shape, seed=0):
    return np.random.default_rng(seed).integers(0, 255, (count, *shape), dtype=np.uint8)


def numbers(count, dim=2, seed=0):
    return np.random.default_rng(seed).normal(size=(count, dim)).astype(np.float32)


def jpegs(frames):
    """Each frame as the bytes of a JPEG."""
    encoded = []
    for frame in frames:
        buffer = io.BytesIO()
        Image.fromarray(frame).save(buffer, "JPEG")
        encoded.append(np.frombuffer(buffer.getvalue(), np.uint8))
    return encoded


def padded(encoded):
    """Bytes of several lengths as one array, filled up with zeros."""
    longest = max(map(len, encoded))
    return np.stack([np.pad(each, (0, longest - len(each))) for each in encoded])


def decoded(encoded):
    """The frames of JPEGs, by Pillow."""
    return np.stack([np.asarray(Image.open(io.BytesIO(each.tobytes()))) for each in encoded])
