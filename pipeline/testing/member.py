"""The base of the suites: which member is tested, with which options."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest
from pydantic import ValidationError

from pipeline import params
from pipeline.params import AnyFamily, Params, Variant

Member = Variant[object, Params]


class MemberTests:
    """What holds for the members of every family; inherit the suite of yours instead.

    A subclass may override the fixture `member`, for instance to test several sets of options.
    """

    family: ClassVar[AnyFamily]
    name: ClassVar[str]
    """The member: its folder or file is called so, and so is its block of params.yaml."""
    options: ClassVar[Mapping[str, Any] | None] = None
    """Its whole block of options; None takes it from params.yaml in the working directory."""

    @pytest.fixture(scope="class")
    @classmethod
    def member(cls) -> Member:
        """The member with its checked options."""
        if cls.options is None:
            return params.read(Path("params.yaml")).member(cls.family, cls.name)
        place = f"{cls.__name__}.name"
        options = cls.family.options_class(cls.name, place).model_validate(cls.options)
        return Variant(cls.name, cls.family.load(cls.name, place), options)

    def test_unknown_options_are_refused(self, member: Member) -> None:
        values = {**member.options.model_dump(), "no_such_option": 1}
        with pytest.raises(ValidationError, match="no_such_option"):
            type(member.options).model_validate(values)

    def test_options_are_frozen_and_survive_being_written_down(self, member: Member) -> None:
        assert isinstance(member.options, Params)
        assert type(member.options).model_validate_json(member.options.model_dump_json()) == (
            member.options
        )


def scaled_error(values: Any, expected: Any) -> float:
    """Largest difference of two tensors, relative to the largest expected value."""
    return float((values - expected).abs().max() / expected.abs().max())
