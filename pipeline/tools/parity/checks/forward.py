"""Outputs of the network, for every kind of action conditioning."""

import re
from collections.abc import Iterator

import torch

from pipeline.tools.parity.golden import Arrays, Check, Folder, compare, exact
from pipeline.tools.parity.models import tiny, tiny_p1c16

TOLERANCE = 2e-5
OUTPUT = re.compile(r"out/([a-z_0-9]+?)_(causal|noncausal)_(t1|t2)(_noaction)?")


@torch.no_grad()
def check(arrays: Arrays, folder: Folder) -> Iterator[Check]:
    """`out/INJECTION_{causal,noncausal}_{t1,t2}`, and cases in which the reference raises."""
    arrays.inputs("x", "x_p1", "t1", "t2", "action")
    for name in arrays:
        if match := OUTPUT.fullmatch(name):
            injection, kind, level, noaction = match.groups()
            if injection == "p1c16":
                model, x = tiny_p1c16(folder), arrays("x_p1")
            else:
                model, x = tiny(folder, injection, causal=kind == "causal"), arrays("x")
            actions = None if noaction else arrays("action")
            yield compare(name, model(x, arrays(level), actions), arrays(name), TOLERANCE)
        elif match := re.fullmatch(r"reference_raises/(adaln|film)_causal_t1", name):
            arrays.text(name)
            model, level = tiny(folder, match[1]), arrays("t1")
            frames = level[:, None].expand(-1, arrays("x").shape[1])
            # The reference cannot run one level a clip here: ours must equal one level a frame.
            ours, same = (model(arrays("x"), t, arrays("action")) for t in (level, frames))
            yield exact(name, ours, same)
