"""Betas and cumulative alphas."""

import re
from collections.abc import Iterator

from pipeline.diffusion.sample import ddim_timesteps
from pipeline.noise.gaussian import MIN_ALPHA_BAR, Schedule, betas
from pipeline.noise.process import LEVELS
from pipeline.tools.parity.golden import Arrays, Check, Folder, compare, exact
from pipeline.tools.parity.models import COSINE

TOLERANCE = 1e-14
TABLE = re.compile(r"(linear|squaredcos_cap_v2)_ztsnr([01])/(\w+)")
RESPACED = re.compile(r"respaced(\d+)_squaredcos_cap_v2_ztsnr1/(\w+)")


def check(arrays: Arrays, folder: Folder) -> Iterator[Check]:
    """`SCHEDULE_ztsnr{0,1}/TABLE`, and the respaced levels of the reference's rollout.py."""
    for name in arrays:
        if match := TABLE.fullmatch(name):
            schedule, zero, table = match.groups()
            names = {"linear": "linear", "squaredcos_cap_v2": "squared_cosine"}
            options = {**COSINE, "schedule": names[schedule], "zero_terminal_snr": zero == "1"}
            ours = betas(Schedule.model_validate(options))
            power = (1 - ours).cumprod(0)
            recip = 1 / power.clamp(min=MIN_ALPHA_BAR)
            tables = {
                "betas_raw": ours,
                "betas": ours,
                "alphas_cumprod": power,
                "sqrt_recip_alphas_cumprod": recip.sqrt(),
                "sqrt_recipm1_alphas_cumprod": (recip - 1).sqrt(),
            }
            if table in tables:
                yield compare(name, tables[table], arrays(name), TOLERANCE)
        elif match := RESPACED.fullmatch(name):
            levels = ddim_timesteps(int(match[1]), LEVELS, "linspace").flip(0)[1:]
            power = (1 - betas(Schedule.model_validate(COSINE))).cumprod(0)[levels]
            if match[2] == "timestep_map":
                yield exact(name, levels, arrays(name))
            elif match[2] == "alphas_cumprod":
                yield compare(name, power, arrays(name), TOLERANCE)
