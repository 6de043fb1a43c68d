"""In which precision stages compute, on devices that this machine need not have."""

import pytest
import torch

from pipeline.compute import device

CHOICES = ("auto", "bfloat16", "float32")


@pytest.mark.parametrize(
    ("kind", "native", "encoding", "training"),
    [
        ("cuda", True, ["bfloat16", "bfloat16", "float32"], ["bfloat16", "bfloat16", "float32"]),
        ("cpu", True, ["bfloat16", "bfloat16", "float32"], ["float32", "bfloat16", "float32"]),
        ("cuda", False, ["float32"] * 3, ["float32"] * 3),
        ("cpu", False, ["float32"] * 3, ["float32"] * 3),
    ],
)
def test_bfloat16_is_computed_in_where_it_is_native(monkeypatch, kind, native, encoding, training):
    emulation = []
    monkeypatch.setattr(
        torch.cuda,
        "is_bf16_supported",
        lambda including_emulation: emulation.append(including_emulation) or native,
    )
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: native)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    where = torch.device(kind)
    assert [device.encoding_precision(choice, where) for choice in CHOICES] == encoding
    assert [device.training_precision(choice, where) for choice in CHOICES] == training
    assert not any(emulation)


@pytest.mark.parametrize(
    ("asked", "found", "said"),
    [
        ("bfloat16", "float32", "encode: bfloat16 is emulated on this cpu; computing in float32\n"),
        ("bfloat16", "bfloat16", ""),
        ("auto", "float32", ""),
        ("auto", "bfloat16", ""),
    ],
)
def test_what_was_asked_for_and_is_not_done_is_told(capsys, asked, found, said):
    device.report_emulation("encode", asked, found, torch.device("cpu"))
    assert capsys.readouterr().out == said
