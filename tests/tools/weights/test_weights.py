"""`wm weights`: a list of all files, and downloads from a server on this machine."""

import hashlib

import pytest
from fetch_helpers import server
from helpers import ROOT
from typer.testing import CliRunner

from pipeline.__main__ import app
from pipeline.errors import UserError
from pipeline.metrics import fvd, perceptual
from pipeline.tools.weights import files

__all__ = ["server"]

CONTENT = b"weights" * 999
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(files, "DELAY", 0.0)
    return tmp_path / "torch/hub/checkpoints"


def wm(*names):
    done = CliRunner().invoke(app, ["weights", *names])
    if done.exception and not isinstance(done.exception, UserError):
        raise done.exception
    return done


def publish(server, monkeypatch, name="vgg", digits=DIGEST[:8]):
    url = f"{server.url}/get/{name}-{digits}.pth"
    server.files[f"/get/{name}-{digits}.pth"] = CONTENT
    monkeypatch.setitem(perceptual.WEIGHTS, "lpips", url)
    return url


def test_every_file_that_anything_needs_is_listed(here):
    text = wm().output
    for name in ("lpips", "fid", "fvd", "sd_vae", "web_dino", "dinov2", "dinov3", "vjepa2_1"):
        assert f"│ {name} " in text
    assert "397923af..." in text
    assert "not published" in text
    assert "fetch what you need: wm weights NAME (lpips, fid, fvd, dinov2" in text
    here.mkdir(parents=True)
    (here / "i3d_torchscript.pt").write_bytes(CONTENT)
    assert DIGEST[:20] in wm().output


def test_weights_are_fetched_once_verified_and_told(server, monkeypatch, here):
    url = publish(server, monkeypatch)
    done = wm("lpips")
    place = here / url.rsplit("/", 1)[1]
    assert done.output == f"lpips: {place}, SHA-256 {DIGEST}\n"
    assert place.read_bytes() == CONTENT
    asked = len(server.requests)
    assert wm("lpips").output == done.output
    assert len(server.requests) == asked


def test_weights_without_a_published_digest_are_fetched_too(server, monkeypatch, here):
    server.files["/get/i3d.pt"] = CONTENT
    monkeypatch.setattr(fvd, "WEIGHTS", f"{server.url}/get/i3d.pt?dl=1")
    assert DIGEST in wm("fvd").output
    assert (here / "i3d.pt").read_bytes() == CONTENT


def test_an_interrupted_download_is_gone_on_with(server, monkeypatch, here):
    url = publish(server, monkeypatch)
    place = here / url.rsplit("/", 1)[1]
    here.mkdir(parents=True)
    place.with_name(f"{place.name}.part").write_bytes(CONTENT[:100])
    wm("lpips")
    assert place.read_bytes() == CONTENT
    assert server.requests[-1][1] == "bytes=100-"


def test_another_file_under_that_name_is_refused_and_gone(server, monkeypatch, here):
    url = publish(server, monkeypatch, digits="00000000")
    line = str(wm("lpips").exception)
    assert line == (
        f"{url}: its SHA-256 begins with {DIGEST[:8]}, not with 00000000; the file was deleted, "
        "get it elsewhere"
    )
    assert list(here.iterdir()) == []


def test_a_server_that_has_nothing_is_one_line_with_the_place(server, monkeypatch, here):
    url = publish(server, monkeypatch)
    server.files.clear()
    line = str(wm("lpips").exception)
    assert line.startswith(f"{url}: the server answers HTTP 404; run it again to resume, or")
    assert line.endswith(f"put it at {here / url.rsplit('/', 1)[1]}")


def test_what_is_unknown_or_on_no_hub_is_one_line():
    assert "wm weights lpisp: no such weights; did you mean lpips?" in str(wm("lpisp").exception)
    line = str(wm("vjepa2_1").exception)
    assert line.startswith("vjepa2_1: its weights are on no hub; download https://dl.fbaipublic")
    assert line.endswith(".pt weights/vjepa2_1_vitl_384.safetensors`")
