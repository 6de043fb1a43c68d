"""Malicious pickles in a file of DINO-WM's data sets are refused and never executed."""

import os
import pickle
import zipfile

import numpy as np
import pytest
import torch
from dataset_helpers import TENSORS, frames_file, read_all, write

from pipeline.errors import DataError


class Payload:
    """Creates a file where it is unpickled."""

    def __reduce__(self):
        return os.system, ("touch pwned",)


class ForgedType:
    """The object dtype disguised as plain bytes: numpy would dereference them."""

    def __reduce__(self):
        return np.dtype, ("O8", False, True), (3, "|", None, None, None, -1, -1, 0)


class ForgedArray:
    """An array whose one element is an arbitrary pointer."""

    def __reduce__(self):
        blank = np.empty(0).__reduce__()
        return blank[0], blank[1], (1, (1,), ForgedType(), False, b"A" * 8)


def torch_zip(value, path):
    torch.save(value, path)
    assert zipfile.is_zipfile(path)


def torch_legacy(value, path):
    torch.save(value, path, _use_new_zipfile_serialization=False)


def plain_pickle(value, path):
    path.write_bytes(pickle.dumps(value))


def old_pickle(value, path):
    path.write_bytes(pickle.dumps(value, protocol=2))


VALUES = {
    "payload": Payload(),
    "in a list": [1, Payload()],
    "in an array": np.array([Payload(), 1], object),
    "as a dict": {"weights": torch.zeros(2), "x": Payload()},
    "forged": ForgedArray(),
}
FILES = [
    *((name, "states.pth") for name in TENSORS),
    *((name, frames_file(name, 0)) for name in TENSORS),
    ("wall", "wall_locations.pth"),
    ("point_maze", "seq_lengths.pth"),
    ("point_maze", "seq_lengths.pkl"),
    ("pusht", "train/states.pth"),
    ("pusht", "val/velocities.pth"),
    ("pusht", "train/seq_lengths.pkl"),
    ("pusht", "val/shapes.pkl"),
]


@pytest.mark.parametrize("form", [torch_zip, torch_legacy, plain_pickle, old_pickle])
@pytest.mark.parametrize("value", VALUES)
def test_a_malicious_pickle_is_refused_and_never_run(value, form, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for number, (name, file) in enumerate(FILES):
        folder = tmp_path / str(number)
        write(name, folder)
        form(VALUES[value], folder / file)
        with pytest.raises(DataError, match=rf"{file}: .*(refused|damaged|holds no list)"):
            read_all(name, folder)
    assert not (tmp_path / "pwned").exists()


def test_a_payload_would_run_if_it_were_unpickled(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pickle.loads(pickle.dumps(Payload()))
    assert (tmp_path / "pwned").exists()
