"""TorchScript archives are read as tensors: nothing of them runs, and nothing else is built."""

import os
import pickle
import warnings
import zipfile

import pytest
import torch

from pipeline.errors import DataError
from pipeline.weights.torchscript import read_torchscript, stated_eps


class Small(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv3d(3, 4, 1)
        self.bn = torch.nn.BatchNorm3d(4, eps=2e-4)
        self.inner = torch.nn.Sequential(torch.nn.Linear(3, 2))
        self.sizes, self.flag = [1, 2], True

    def forward(self, x):
        return self.bn(self.conv(x))


@pytest.fixture(params=["script", "trace"])
def saved(request, tmp_path):
    module, path = Small().eval(), tmp_path / "small.pt"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = (
            torch.jit.script(module)
            if request.param == "script"
            else torch.jit.trace(module, torch.zeros(1, 3, 2, 2, 2))
        )
        torch.jit.save(made, str(path))
    return module, path


def test_tensors_have_their_names_in_the_order_of_definition(saved):
    module, path = saved
    found, expected = read_torchscript(path, "get it"), module.state_dict()
    assert list(found) == list(expected)
    assert all(torch.equal(found[name], value) for name, value in expected.items())


def test_the_code_says_the_eps_of_its_normalisation(saved):
    assert stated_eps(saved[1]) == 2e-4


def test_a_file_of_tensors_alone_is_read_too(tmp_path):
    state = {"a.weight": torch.randn(3, 4).T, "b": torch.arange(3)}
    torch.save(state, tmp_path / "state.pt")
    found = read_torchscript(tmp_path / "state.pt", "get it")
    assert all(torch.equal(found[name], value) for name, value in state.items())
    assert stated_eps(tmp_path / "state.pt") is None


class Evil:
    def __reduce__(self):
        return os.system, ("touch ran",)


def rezipped(path, change):
    """The archive with the bytes of some members changed."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda m: m.update({"small/data.pkl": pickle.dumps(Evil())}), "it names posix.system"),
        (lambda m: m.update({"small/data.pkl": b"\x80\x02"}), "no TorchScript archive"),
        (lambda m: m.update({"small/data/0": b"1234"}), "data/0 holds 1 numbers, not"),
        (lambda m: m.pop("small/data/1"), "There is no item named"),
        (lambda m: m.pop("small/data.pkl"), "no TorchScript archive"),
    ],
)
def test_what_is_damaged_or_would_run_is_refused_in_one_line(
    saved, change, said, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    path = rezipped(saved[1], change)
    with pytest.raises(DataError) as caught:
        read_torchscript(path, "get it again")
    assert said in str(caught.value)
    assert str(caught.value).endswith("; get it again")
    assert not (tmp_path / "ran").exists()


def test_a_tensor_larger_than_what_is_stored_is_refused(tmp_path):
    torch.save({"a": torch.zeros(1).expand(1000)}, tmp_path / "state.pt")
    with pytest.raises(DataError, match=r"a tensor of \[1000\] of 1 numbers"):
        read_torchscript(tmp_path / "state.pt", "get it")


def test_no_zip_and_no_file_are_refused(tmp_path):
    (tmp_path / "x.pt").write_bytes(b"abc")
    for name, said in (("x.pt", "no TorchScript archive"), ("y.pt", "no such file")):
        with pytest.raises(DataError, match=said):
            read_torchscript(tmp_path / name, "get it")
