"""What a user of `wm rollout` asks for."""

from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import ParamsError
from pipeline.rollout.files import Form


@dataclass(frozen=True, slots=True)
class Start:
    """Where rollouts start, and what they follow; see the options of the command."""

    clips: int
    frames: int | None
    history: int
    simulate: bool
    episode: str | None
    start: int
    begin: Path | None
    actions: Path | None
    cameras: Path | None = None

    def check(self) -> None:
        """Refuse options that contradict each other.

        Raises:
            ParamsError: they do; the line says which to leave out.
        """
        chosen = {
            "--simulate": self.simulate,
            "--episode": self.episode is not None,
            "--from": self.begin is not None,
        }
        given = [name for name, on in chosen.items() if on]
        if len(given) > 1:
            raise ParamsError(f"{given[0]} and {given[1]}: clips start in one way; leave one out")
        if self.begin is not None and self.actions is None:
            raise ParamsError(f"--from {self.begin} needs actions to follow; add --actions FILE")
        if self.actions is not None and not given:
            raise ParamsError(
                f"--actions {self.actions} needs a place to start from; add --episode KEY or "
                "--from FILE"
            )
        if self.actions is not None and self.simulate:
            raise ParamsError("--actions with --simulate: those are simulated too; leave one out")
        if self.cameras is not None and self.actions is None:
            raise ParamsError(
                f"--cameras {self.cameras} needs actions to follow beside them; add --actions FILE"
            )
        if self.start and self.episode is None:
            raise ParamsError(f"--start {self.start} is a step of an episode; add --episode KEY")


@dataclass(frozen=True, slots=True)
class Steps:
    """How frames are sampled; see the options of the command."""

    sampler: str | None
    steps: int | None
    spacing: str
    stabilisation: float
    context: int | None
    seed: int
    batch: int


@dataclass(frozen=True, slots=True)
class Request:
    """Where rollouts start, how they are sampled, and what is written of them."""

    start: Start
    steps: Steps
    form: Form
