"""Scheduling matrices: the level of every frame at every sampling step."""

import re
from collections.abc import Iterator

from pipeline.diffusion.sample import ddim_timesteps
from pipeline.noise.process import LEVELS
from pipeline.samplers import SAMPLERS
from pipeline.tools.parity.golden import Arrays, Check, Folder, exact

MATRIX = re.compile(r"(full_sequence|pyramid|sequential)_F(\d+)_ctx(\d+)_S(\d+)")


def check(arrays: Arrays, folder: Folder) -> Iterator[Check]:
    """`SAMPLER_FFRAMES_ctxCONTEXT_SSTEPS` and `ddim_steps_SSTEPS`."""
    for name in arrays:
        if match := MATRIX.fullmatch(name):
            frames, context, steps = map(int, match.groups()[1:])
            module = SAMPLERS.load(match[1], name)
            sampler = module.build(module.Options())
            ours = sampler.matrix(frames, context, ddim_timesteps(steps, LEVELS))
            yield exact(name, ours, arrays(name))
        elif match := re.fullmatch(r"ddim_steps_S(\d+)", name):
            yield exact(name, ddim_timesteps(int(match[1]), LEVELS).flip(0), arrays(name))
