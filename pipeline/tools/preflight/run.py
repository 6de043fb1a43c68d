"""`wm preflight --run`: every stage at a reduced scale, and what that did and did not verify."""

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pipeline import params
from pipeline.compute.allocator import keep_freed_memory
from pipeline.encoders import ENCODERS
from pipeline.errors import RunError, UserError, memory_ran_out
from pipeline.families import STATE
from pipeline.latents.cache import LatentCache
from pipeline.metrics.schema.preflight import PreflightReport
from pipeline.params import Settings
from pipeline.tools.changes import changed
from pipeline.tools.preflight import data, scale, training
from pipeline.tools.preflight.findings import Findings
from pipeline.tools.preflight.forecast import available_to, plan_of
from pipeline.tools.preflight.imagination import imagine
from pipeline.tools.preflight.state_memory import check_state_memory
from pipeline.tools.reproduce.published import PublishedRuns, Run, read
from pipeline.train.memory.cost import parameters
from pipeline.train.memory.forecast import check, fitting_settings
from pipeline.train.setup import model_config


@dataclass(frozen=True, slots=True)
class Request:
    """The options of `wm preflight --run`, as its --help explains them."""

    params: Path
    preset: str | None
    published: Path
    memory: float | None
    json: Path | None


def preflight(request: Request) -> None:
    """Run, print what was and was not verified, and write it to a file if asked to.

    Raises:
        UserError: a check failed, something differs from the specification, or memory does not
            suffice; the report is printed and written before.
    """
    started, findings = time.monotonic(), Findings()
    failure: UserError | None = None
    try:
        _checks(request, findings)
    except UserError as error:
        failure = error
    if failure is None and findings.drift:
        rest = f" (and {more} more)" if (more := len(findings.drift) - 1) else ""
        failure = RunError(
            f"drift: {findings.drift[0]}{rest}; correct params.yaml, or the data, or what is "
            "specified"
        )
    report = PreflightReport(
        preset=request.preset or str(request.params),
        verified=findings.verified,
        not_verified=findings.not_verified,
        drift=findings.drift,
        failed=None if failure is None else " ".join(str(failure).split()),
        seconds=round(time.monotonic() - started, 1),
    )
    _print(report)
    if request.json is not None:
        report.write(request.json)
    if failure is not None:
        raise failure


def _checks(request: Request, findings: Findings) -> None:
    keep_freed_memory()
    settings, run, specified = _resolve(request)
    available_to(settings, request.memory)  # a size that is none is refused before any work
    findings.passed(f"config: {len(settings.values)} blocks of {settings.path} resolve")
    small = scale.reduced(settings, specified.latent_shape, findings)
    with tempfile.TemporaryDirectory(prefix="wm-preflight-") as name:
        folder = Path(name)
        cache = data.flow(small, specified, folder, findings)
        if settings.chosen(ENCODERS) == STATE:
            training.exercise(small, cache, folder, findings)
            imagine(cache, folder / "model", findings)
            check_state_memory(settings, small, cache, request.memory, findings)
        else:
            _of_frames(settings, small, run, cache, request, findings)


def _resolve(request: Request) -> tuple[Settings, Run | None, data.Specified]:
    """The complete settings of a preset, or params.yaml as it is."""
    if request.preset is None:
        return params.read(request.params), None, data.Specified()
    published: PublishedRuns = read(request.published)
    run = published.runs[published.resolve(request.preset)]
    values = changed(params.read(request.params).values, run.changes, request.params)
    dims = published.data[run.dataset].action_dim
    settings = params.check(request.params, values)
    return settings, run, data.Specified(dims, run.latent.shape, settings.chosen(ENCODERS))


def _of_frames(
    settings: Settings,
    small: Settings,
    run: Run | None,
    cache: LatentCache,
    request: Request,
    findings: Findings,
) -> None:
    """Train and sample a world model; then the memory of the whole run."""
    plan = plan_of(settings, model_config(settings, cache.spec).size)
    available = available_to(settings, request.memory)
    _catching_memory(
        lambda: training.exercise(small, cache, cache.path.parent, findings),
        lambda: fitting_settings(plan, available),
    )
    if run is not None:
        found = parameters(plan.denoiser, plan.size)
        findings.expect("parameters of the network", run.network.parameters, found)
    findings.passed(f"memory, by forecast: {check(plan, available)}")
    if plan.processes > 1:
        findings.open(f"training by {plan.processes} processes: one was used")


def _catching_memory(work: Callable[[], None], fitting: Callable[[], list[str]]) -> None:
    """Do it; where memory runs out, say which settings fit.

    Raises:
        RunError: memory ran out.
    """
    try:
        work()
    except Exception as error:
        if not memory_ran_out(error):
            raise
        fixes = ", ".join(fitting()) or "close other programs, or take a larger device"
        raise RunError(f"out of memory at a reduced scale; {fixes}") from None


def _print(report: PreflightReport) -> None:
    print(f"preflight: {report.preset}, in {report.seconds:.0f} s")
    parts = {
        "verified by this run": report.verified,
        "NOT verified by this run": report.not_verified,
        "drift": report.drift,
    }
    for title, lines in parts.items():
        if lines:
            print(f"\n{title}:")
        for line in lines:
            print(f"  - {line}")
    print(flush=True)
