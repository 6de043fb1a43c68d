"""A file of an earlier version is migrated, one of a later version names what wrote it."""

import json

import pytest
from pydantic import BaseModel

from pipeline import __version__
from pipeline.errors import DataError
from pipeline.files.versioned import Format


class Shape(BaseModel):
    height: int
    width: int


def from_side(values):
    side = values.pop("side")
    return {**values, "height": side, "width": side}


def in_pixels(values):
    return {name: 8 * value for name, value in values.items()}


FIRST, THIRD = Format(), Format((from_side, in_pixels))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "shape.json"


def read(path, values, form=THIRD):
    path.write_text(json.dumps(values))
    return form.read(path, Shape, "make it again")


def test_what_is_written_says_its_version_and_is_read_back(path):
    path.write_text(THIRD.text(Shape(height=1, width=2)))
    assert json.loads(path.read_text()) == {
        "format_version": 3, "written_by": __version__, "height": 1, "width": 2
    }  # fmt: skip
    assert THIRD.read(path, Shape, "") == Shape(height=1, width=2)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"side": 2}, (16, 16)),
        ({"format_version": 1, "written_by": "0.1.0", "side": 3}, (24, 24)),
        ({"format_version": 2, "height": 1, "width": 2}, (8, 16)),
        ({"format_version": 3, "height": 1, "width": 2}, (1, 2)),
    ],
)
def test_every_earlier_version_is_migrated_step_by_step(path, values, expected):
    assert read(path, values) == Shape(height=expected[0], width=expected[1])


def test_a_later_version_is_refused_with_the_one_that_wrote_it(path):
    values = {"format_version": 2, "written_by": "7.1", "length": 3}
    with pytest.raises(DataError) as caught:
        read(path, values, FIRST)
    assert str(caught.value) == (
        f"{path}: its format is version 2, written by nano-world-models 7.1; this is {__version__},"
        " which reads versions up to 1: install 7.1 or later"
    )


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"format_version": 0, "height": 1}, r"shape.json: damaged \(format_version = 0: "),
        ({"format_version": "new"}, r"shape.json: damaged \(format_version = 'new': "),
        ([], r"shape.json: damaged \("),
        ({"format_version": 1, "written_by": "0.4"}, r"world-models 0.4\): damaged \(.side"),
        ({"format_version": 3, "height": 1}, r"damaged \(width: Field required\); make it"),
    ],
)  # fmt: skip
def test_what_is_no_such_file_is_one_line(path, values, message):
    with pytest.raises(DataError, match=message):
        read(path, values)
