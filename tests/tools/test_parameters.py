"""`wm parameters` prints what the family weighs."""

import pytest
from typer.testing import CliRunner

from pipeline.__main__ import app
from pipeline.errors import ParamsError


def wm(*arguments):
    return CliRunner().invoke(app, ["parameters", *arguments])


def test_it_prints_every_size_and_injection():
    lines = wm().output.splitlines()
    rows = {line.split()[1]: line for line in lines if "/2" in line}
    assert list(rows) == ["nano/2", "S/2", "B/2", "L/2", "XL/2"]
    for count in ("158,598,160", "201,120,784", "172,772,368", "186,955,792"):
        assert count in rows["B/2"]
    assert "1,046,925,520" in rows["XL/2"]


def test_windows_and_actions_of_csgo():
    output = wm("--frames", "16", "--action-dim", "51").output
    assert "558,724,112" in output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--latent", "4x32"), "--latent = '4x32' is not CxHxW"),
        (("--patch", "5"), "patch = 5 does not divide latents of 32 x 32"),
        (("--action-dim", "0"), "--action-dim = 0 must be 1 or more"),
        (("--patch", "0"), "--patch = 0 must be 1 or more"),
        (("--frames", "-1"), "--frames = -1 must be 1 or more"),
    ],
)
def test_wrong_arguments_are_named(arguments, message):
    done = wm(*arguments)
    assert isinstance(done.exception, ParamsError)
    assert message in str(done.exception)
