"""YAML files that are refused in one line."""

import pytest

from pipeline.errors import DataError
from pipeline.files.yaml_file import parse_yaml


def nested(levels):
    """Each level refers ten times to the one before it."""
    lines = ["l0: &l0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]" for n in range(1, levels)]
    return "\n".join(lines)


def test_references_are_followed():
    assert parse_yaml(nested(2), "a.yaml", "correct it")["l1"] == [["x"] * 10] * 10


@pytest.mark.parametrize("text", [nested(7), "a: &a [*a]"])
def test_a_few_lines_that_stand_for_too_many_values_are_refused(text):
    with pytest.raises(DataError, match=r"a.yaml: has [\d,]+ values, references counted; correct"):
        parse_yaml(text, "a.yaml", "correct it")


def test_an_empty_file_has_no_value():
    assert parse_yaml("", "a.yaml", "correct it") is None
