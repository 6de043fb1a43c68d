"""What a small run finds: verified, not verified, and drift from the specification."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Findings:
    """Lists of lines, in the order in which they were found."""

    verified: list[str] = field(default_factory=list)
    not_verified: list[str] = field(default_factory=list)
    drift: list[str] = field(default_factory=list)

    def passed(self, line: str) -> None:
        """Add what this run has verified."""
        self.verified.append(line)

    def open(self, line: str) -> None:
        """Add what this run has not verified."""
        self.not_verified.append(line)

    def expect(self, what: str, expected: object, found: object) -> None:
        """Add what was found: verified if it is as specified, else drift."""
        if expected == found:
            self.passed(f"{what}: {shown(found)}")
        else:
            self.drift.append(f"{what}: expected {shown(expected)}, found {shown(found)}")


def shown(value: object) -> str:
    """A shape as 4x32x32, a number with separators, anything else as it is."""
    if isinstance(value, tuple):
        return "x".join(map(str, value))
    return f"{value:,}" if isinstance(value, int) else str(value)
