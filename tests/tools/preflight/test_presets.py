"""What `wm preflight --run` asks of a preset before it runs anything, of every run of the paper."""

import pytest
from helpers import ROOT

from pipeline.encoders import ENCODERS, SizedOptions
from pipeline.params import Settings
from pipeline.tools.preflight import scale
from pipeline.tools.preflight.findings import Findings
from pipeline.tools.preflight.run import Request, _resolve
from pipeline.tools.reproduce.published import read

PUBLISHED = read(ROOT / "published.json")


@pytest.mark.parametrize("name", PUBLISHED.runs)
def test_a_preset_resolves_to_what_is_specified_and_is_reduced_to_two_steps(name):
    run = PUBLISHED.runs[name]
    request = Request(ROOT / "params.yaml", name, ROOT / "published.json", None, None)
    settings, found, specified = _resolve(request)
    assert found == run
    assert specified.action_dim == PUBLISHED.data[run.dataset].action_dim
    _check_grid(settings, specified.latent_shape)
    findings = Findings()
    small = scale.reduced(settings, specified.latent_shape, findings)
    assert (small.section("train", scale.Train).steps, small.dataset) == (2, settings.dataset)
    assert len(findings.not_verified) >= 4
    _check_stand_in(small, specified.latent_shape)


def _check_grid(settings: Settings, shape: tuple[int, int, int]) -> None:
    options, frames = settings.variant(ENCODERS).options, scale.frame_size(settings)
    if isinstance(options, SizedOptions) and frames is not None:
        assert options.latent_grid(*frames) == shape[1:]


def _check_stand_in(small: Settings, shape: tuple[int, int, int]) -> None:
    options, frames = small.values["encoders"][small.chosen(ENCODERS)], scale.frame_size(small)
    assert options["latent_channels"] == shape[0]
    if frames is not None:
        assert frames[0] >> (len(options["channels"]) - 1) == shape[1]
