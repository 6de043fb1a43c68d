"""Step an environment through episodes, into a folder."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline import stage
from pipeline.gym.record import Recorder
from pipeline.gym.writers import writer
from pipeline.tools.record.environment import make
from pipeline.tools.record.policies import Policy, policy


@dataclass(frozen=True, slots=True)
class Recording:
    """What `wm record` is asked for; the words are those of its --help."""

    env_id: str
    arguments: Sequence[str]
    policy: str
    episodes: int
    steps: int
    seed: int
    format: str
    task: str | None
    fps: int | None
    image_key: str | None
    state_keys: Sequence[str] | None


def record(wanted: Recording, out: Path) -> tuple[int, int, int]:
    """Record what is missing of the episodes.

    Returns:
        The number of episodes and of frames in the folder, and that of frames recorded now.

    Raises:
        UserError: the environment, the policy or the format is unknown, or the folder is taken.
    """
    writer(wanted.format)  # a misspelt one is told before the environment is made
    env = make(wanted.env_id, wanted.arguments, wanted.steps, wanted.image_key)
    act = policy(wanted.policy, env)
    with Recorder(
        env,
        out,
        wanted.format,
        seed=wanted.seed,
        policy=wanted.policy,
        task=wanted.task,
        fps=wanted.fps,
        image_key=wanted.image_key,
        state_keys=wanted.state_keys,
    ) as recorder:
        before = recorder.steps
        try:
            for _ in stage.track(range(recorder.recorded, wanted.episodes), "record"):
                _play(recorder, act)
        except KeyboardInterrupt:
            kept = f"record: {recorder.recorded} episodes are kept; the same command goes on"
            print(kept, file=sys.stderr)
            raise
        return recorder.recorded, recorder.steps, recorder.steps - before


def _play(recorder: Recorder, act: Policy) -> None:
    """One episode."""
    observation, _ = recorder.reset()
    rng, over = recorder.rng(), False
    while not over:
        observation, _, terminated, truncated, _ = recorder.step(act(observation, rng))
        over = terminated or truncated
