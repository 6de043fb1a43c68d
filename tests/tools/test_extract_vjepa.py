"""The encoder comes out of a training checkpoint exactly, alone, and without executing anything."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from helpers import GOLDEN
from safetensors.torch import load_file

from pipeline.checksum import sha256
from pipeline.encoders import vjepa2_1
from pipeline.encoders.vjepa2_1.vit import load_network
from pipeline.errors import DataError
from pipeline.tools.extract_vjepa import command

WEIGHTS = GOLDEN / "encoders" / "vjepa" / "weights.safetensors"
REST = 2**27
"""Bytes of what is left where it is."""
SCRIPT = """
import sys
from pathlib import Path
import safetensors.torch, torch
from pipeline.encoders.vjepa2_1 import vit
from pipeline.tools.extract_vjepa import command
def peak():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))
before = peak()
command(*map(Path, sys.argv[1:3]), sys.argv[3])
print(peak() - before)
"""


class Malicious:
    def __reduce__(self):
        return Path("executed").touch, ()


def checkpoint(path, zipped=True, **changes):
    wrapped = {f"module.backbone.{name}": value for name, value in load_file(WEIGHTS).items()}
    held = {"ema_encoder": wrapped, "encoder": {}, "opt": {"state": {}}, "epoch": 3, "lr": 1e-4}
    torch.save({**held, **changes}, path, _use_new_zipfile_serialization=zipped)
    return path


def extract(path, out):
    command(path, out, sha256(path))


def complaint(path, out, *digest):
    with pytest.raises(DataError) as caught:
        command(path, out, *(digest or [sha256(path)]))
    said = str(caught.value)
    assert "\n" not in said
    assert said.startswith(f"{path}: ")
    return said


def test_what_is_written_is_the_encoder_under_its_own_names(tmp_path, capsys):
    extract(checkpoint(tmp_path / "trained.pt"), tmp_path / "weights" / "encoder.safetensors")
    out = tmp_path / "weights" / "encoder.safetensors"
    taken, truth = load_file(out), load_file(WEIGHTS)
    assert taken.keys() == truth.keys()
    for name, value in taken.items():
        assert value.dtype == torch.float32
        assert torch.equal(value, truth[name].float())
    load_network(taken, 3, out)
    count = sum(value.numel() for value in truth.values())
    said = capsys.readouterr().out
    assert said == f"extract-vjepa: {count:,} parameters in {out}, sha256 {sha256(out)}\n"
    assert [path.name for path in out.parent.iterdir()] == [out.name]


def test_the_same_checkpoint_gives_the_same_bytes(tmp_path):
    path = checkpoint(tmp_path / "trained.pt")
    for out in ("a", "b"):
        extract(path, tmp_path / out)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak of memory from /proc")
def test_the_rest_of_the_checkpoint_is_never_in_memory(tmp_path):
    rest = {"weight": torch.ones(REST // 4)}
    path = checkpoint(tmp_path / "trained.pt", encoder=rest)
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(path), str(tmp_path / "out"), sha256(path)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert int(done.stdout.splitlines()[-1]) < REST / 2


def test_nothing_in_a_checkpoint_is_executed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = checkpoint(tmp_path / "trained.pt", config=Malicious())
    assert "would execute code" in complaint(path, tmp_path / "out")
    assert [file.name for file in tmp_path.iterdir()] == ["trained.pt"]


def test_a_checkpoint_that_lacks_a_tensor_or_the_encoder_is_refused(tmp_path):
    wrapped = {f"module.backbone.{name}": value for name, value in load_file(WEIGHTS).items()}
    del wrapped["module.backbone.norms_block.1.bias"]
    path = checkpoint(tmp_path / "trained.pt", ema_encoder=wrapped)
    said = complaint(path, tmp_path / "out")
    assert "is no image encoder of V-JEPA 2.1: 1 missing keys (norms_block.1.bias)" in said
    torch.save({"target_encoder": wrapped, "epoch": 3}, path)
    said = complaint(path, tmp_path / "out")
    assert "holds a dict of 2 (target_encoder, epoch), no tensors of an ema_encoder; " in said
    for other, found in (
        ({"ema_encoder": {"epoch": 3}}, "a dict of 1 (ema_encoder)"),
        (torch.ones(2), "a tensor of float32 [2]"),
    ):
        torch.save(other, path)
        said = complaint(path, tmp_path / "out")
        assert f"holds {found}, no tensors of an ema_encoder; " in said
    assert not (tmp_path / "out").exists()


def test_a_file_that_is_damaged_or_not_there_is_refused(tmp_path):
    path = tmp_path / "trained.pt"
    assert "no such file" in complaint(path, tmp_path / "out", "0" * 64)
    whole = checkpoint(path).read_bytes()
    old = checkpoint(path, zipped=False).read_bytes()
    halves = (whole[: len(whole) // 2], old[: len(old) // 2], old[:300])
    for content in (*halves, b"<html>", b"hello world", b""):
        path.write_bytes(content)
        assert "damaged" in complaint(path, tmp_path / "out")


def test_a_checkpoint_of_before_torch_wrote_zips_is_taken_too(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    extract(checkpoint(tmp_path / "new.pt"), tmp_path / "a")
    extract(checkpoint(tmp_path / "old.pt", zipped=False), tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    malicious = checkpoint(tmp_path / "old.pt", zipped=False, config=Malicious())
    assert "would execute code" in complaint(malicious, tmp_path / "out")
    assert not (tmp_path / "executed").exists()


def test_only_the_published_checkpoint_is_taken_or_the_one_that_is_named(tmp_path, monkeypatch):
    path, out = checkpoint(tmp_path / "trained.pt"), tmp_path / "out"
    found = sha256(path)
    assert complaint(path, out, None) == (
        f"{path}: has sha256 {found}, not the published {vjepa2_1.SHA256}; download it "
        f"again, or pass `--sha256 {found}` if it is a checkpoint of your own"
    )
    assert f"not the {'0' * 64} of --sha256; " in complaint(path, out, "0" * 64)
    command(path, out, found.upper())
    monkeypatch.setattr(vjepa2_1, "SHA256", found)
    command(path, tmp_path / "again")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert f"not the published {found}" in complaint(path, tmp_path / "third", None)


def test_what_exists_is_not_overwritten(tmp_path):
    path = checkpoint(tmp_path / "trained.pt")
    with pytest.raises(DataError, match="exists already"):
        extract(path, tmp_path)
    assert path.exists()
