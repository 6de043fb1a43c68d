"""Record the episodes of any Gymnasium environment as a data set."""

import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, SupportsFloat

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from pipeline import stage
from pipeline.errors import UserError
from pipeline.formats import WritableFormat
from pipeline.gym import writers
from pipeline.gym.spool import End, Entry, Settings, Spool
from pipeline.gym.view import View, name, view

RECORDING = "recording.json"
FPS = 10
ACTIONS, POLICY = 1, 2
"""What else draws in an episode, each with a stream of its own beside the environment's."""


class Recorder(gymnasium.Wrapper[Any, Any, Any, Any]):
    """A wrapper that writes the episodes that are stepped through it to a folder.

    `actions[t]` is what was done at `frames[t]`. The observation after an episode's last action is
    not stored: it has no action. An episode ends with terminated or truncated, or with the next
    `reset`. Actions are stored as Gymnasium flattens them: a Discrete action is one-hot.

    Finished episodes lie in `.NAME.recording` beside the folder NAME until `close` writes it; if
    the program is interrupted, the same Recorder goes on after them, and `recorded` says how many
    there are. Where the environment and the policy depend on the seed of their episode alone, the
    folder then has the same bytes as if it had not been interrupted.

        with Recorder(gymnasium.make("CartPole-v1", render_mode="rgb_array"), "cartpole") as env:
            while env.recorded < 100:
                env.reset()
                over = False
                while not over:
                    _, _, terminated, truncated, _ = env.step(env.action_space.sample())
                    over = terminated or truncated
    """

    def __init__(
        self,
        env: gymnasium.Env[Any, Any],
        folder: str | Path,
        format: str | WritableFormat = writers.DEFAULT,
        *,
        seed: int | None = None,
        policy: str = "unnamed",
        task: str | None = None,
        fps: int | None = None,
        image_key: str | None = None,
        state_keys: Sequence[str] | None = None,
    ) -> None:
        """Begin a recording, or go on with an interrupted one.

        Args:
            env: of Gymnasium 0.29 or later. Frames are its observations, an image in them, or what
                it renders; vectors in its observations are the states (see `view.view`).
            folder: of the data set; made by `close`.
            format: a name of `writers.names()`, or a format of your own.
            seed: episode n is reset with seed + n, from which its action space is seeded too; None
                draws a seed for each. A seed that is given to `reset` comes first.
            policy: a name for who acts, for the metadata.
            task: what is being done, in words; None is `task` of `meta` in the info of each reset,
                as our worlds have it, else the environment's id.
            fps: frames per second; None is the environment's `render_fps`, else 10.
            image_key: which image of a dict observation, or "render"; None finds the only one.
            state_keys: which vectors of a dict observation, in order; None is all.

        Raises:
            UserError: the environment has no frames, or the folder holds something already, or an
                interrupted recording of other settings.
        """
        super().__init__(env)
        self.folder = Path(folder)
        if self.folder.is_file() or (self.folder.is_dir() and any(self.folder.iterdir())):
            held = "a finished recording" if (self.folder / RECORDING).is_file() else "other files"
            raise UserError(f"{folder}: holds {held} already; choose another folder or delete it")
        self._format = writers.writer(format) if isinstance(format, str) else format
        self._view = view(env, image_key, state_keys)
        settings = _settings(
            env,
            self._view,
            format=format if isinstance(format, str) else type(format).__name__,
            policy=policy,
            seed=seed,
            task=task,
            fps=fps,
        )
        place = self.folder.with_name(f".{self.folder.name}.recording")
        self._spool = Spool(place, settings)
        self._seed = 0
        self._meta: dict[str, int | float | str] = {}
        self._succeeded: bool | None = None
        self._closed = False
        self._begin()

    @property
    def recorded(self) -> int:
        """Number of finished episodes, those of interrupted recordings included."""
        return len(self._spool.entries)

    @property
    def steps(self) -> int:
        """Number of steps of these episodes."""
        return sum(entry.steps for entry in self._spool.entries)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Begin an episode; one that has begun, and had a step, is stored as it is."""
        self._end("reset")
        if seed is None:
            base = self._spool.settings.seed
            seed = secrets.randbelow(2**31) if base is None else base + self.recorded
        self._seed = seed
        # The environment draws from `seed` itself: random actions must not follow its draws.
        actions = np.random.SeedSequence([seed, ACTIONS]).generate_state(1)
        self.env.action_space.seed(int(actions[0]))
        observation, info = self.env.reset(seed=seed, options=options)
        self._meta = _scalars(info.get("meta", {}))
        self._observe(observation)
        return observation, info

    def step(self, action: Any) -> tuple[Any, SupportsFloat, bool, bool, dict[str, Any]]:
        """Apply one action, and record it with what was observed before it.

        Raises:
            UserError: no episode has begun.
        """
        if self._now is None:
            raise UserError(f"{self._spool.settings.env}: call reset before step")
        done = np.asarray(spaces.flatten(self.env.action_space, action), np.float32).ravel()
        observation, reward, terminated, truncated, info = self.env.step(action)
        frame, state = self._now
        self._frames.append(frame)
        self._states.append(state)
        self._actions.append(done)
        self._reward += float(reward)
        self._succeeded = _success(info)
        if terminated or truncated:
            self._end("terminated" if terminated else "truncated")
        else:
            self._observe(observation)
        return observation, reward, terminated, truncated, info

    def rng(self) -> np.random.Generator:
        """A generator for who acts, seeded by the episode that has begun."""
        return np.random.default_rng([self._seed, POLICY])

    def discard(self) -> None:
        """Drop the episode that has begun; its number, and with it its seed, is the next one's."""
        self._begin()

    def close(self) -> None:
        """End the episode that has begun, write the data set, and close the environment.

        Without an episode, nothing is written.
        """
        if not self._closed:
            self._closed = True
            self._end("closed")
            self._write()
        self.env.close()  # type: ignore[no-untyped-call]

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> Literal[False]:
        """Close; after an exception, finished episodes are kept for the next time instead."""
        if kind is not None:
            self._closed = True
        self.close()
        return False

    def __enter__(self) -> Self:
        """The recorder itself."""
        return self

    def _begin(self) -> None:
        self._now: tuple[NDArray[np.uint8], NDArray[np.float32]] | None = None
        self._frames: list[NDArray[np.uint8]] = []
        self._states: list[NDArray[np.float32]] = []
        self._actions: list[NDArray[np.float32]] = []
        self._meta = {}
        self._reward = 0.0
        self._succeeded = None

    def _observe(self, observation: Any) -> None:
        self._now = self._view.frame(self.env, observation), self._view.state(observation)

    def _end(self, end: End) -> None:
        if self._actions:
            entry = Entry(
                seed=self._seed,
                steps=len(self._actions),
                end=end,
                reward=self._reward,
                success=self._succeeded,
                meta=self._meta,
            )
            self._spool.append(self._frames, self._actions, self._states, entry)
        self._begin()

    def _write(self) -> None:
        if self.recorded:
            with stage.output(self.folder) as partial:
                self._format.write(self._spool.episodes(), partial)
                record = self._spool.settings.model_dump()
                record["episodes"] = [entry.model_dump() for entry in self._spool.entries]
                stage.write_json(partial / RECORDING, record)
        stage.remove(self._spool.folder)


def _success(info: Mapping[str, Any]) -> bool | None:
    said = info.get("success", info.get("is_success"))
    return None if said is None else bool(said)


def _scalars(meta: Mapping[str, Any]) -> dict[str, int | float | str]:
    """Numbers and texts, as an episode's meta holds them."""
    found = {
        key: value.item() if isinstance(value, np.generic) else value for key, value in meta.items()
    }
    return {key: value for key, value in found.items() if isinstance(value, int | float | str)}


def _settings(
    env: gymnasium.Env[Any, Any],
    view: View,
    *,
    format: str,
    policy: str,
    seed: int | None,
    task: str | None,
    fps: int | None,
) -> Settings:
    """What decides a recording: what is asked for, and what the environment says of itself."""
    spec = env.spec
    rate = fps or float(env.metadata.get("render_fps") or FPS)
    return Settings(
        env=name(env),
        arguments={key: repr(value) for key, value in (spec.kwargs if spec else {}).items()},
        max_episode_steps=spec.max_episode_steps if spec else None,
        gymnasium=gymnasium.__version__,
        format=format,
        policy=policy,
        seed=seed,
        task=task,
        fps=max(1, round(rate)),
        image=view.image,
        states=None if view.states is None else list(view.states),
        action_space=str(env.action_space),
    )
