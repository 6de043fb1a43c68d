"""Episodes on disk until a recording is complete: what a recording goes on from."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from pipeline import stage
from pipeline.episodes import video
from pipeline.episodes.episode import Episode, Meta
from pipeline.errors import UserError
from pipeline.files.json_model import FileModel, parse_json, read_json
from pipeline.files.npy import read_npz

SETTINGS = "settings.json"
ARRAYS = {
    "video": "uint8 bytes",
    "actions": "float32 t actions",
    "states": "float32 t states",
    "entry": "uint8 json",
}
End = Literal["terminated", "truncated", "reset", "closed"]


class Settings(FileModel):
    """What decides a recording, apart from what is done in it."""

    env: str
    """Id of the environment, else the name of its class."""
    arguments: dict[str, str]
    """What gymnasium.make was given, each as Python shows it."""
    max_episode_steps: int | None
    gymnasium: str
    format: str
    policy: str
    seed: int | None
    task: str | None
    """Null: that of each episode's meta, else the environment."""
    fps: int = Field(gt=0)
    image: str | None
    """Key of the frames in observations, "render", or null where an observation is a frame."""
    states: list[str] | None
    action_space: str


class Entry(FileModel):
    """What happened in an episode."""

    seed: int
    """Of the reset that began it."""
    steps: int = Field(gt=0)
    end: End
    reward: float
    """Sum of the rewards."""
    success: bool | None
    """The last step's `success` or `is_success`, where the environment says it."""
    meta: dict[str, int | float | str]
    """`meta` of the info of the reset that began it."""


class Spool:
    """A folder of finished episodes, one file each, which appear whole or not at all."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        """Begin, or go on with what is there.

        Raises:
            UserError: a recording of other settings is there.
            DataError: a file is damaged.
        """
        self.folder, self.settings = folder, settings
        self.way_out = f"delete {folder} to begin again"
        place = folder / SETTINGS
        if place.is_file():
            self._check(read_json(place, Settings, self.way_out))
        else:
            folder.mkdir(parents=True, exist_ok=True)
            stage.write_json(place, settings.model_dump())
        self.entries = [self._read(number)[1] for number in range(self._count())]

    def _check(self, begun: Settings) -> None:
        ours, theirs = self.settings.model_dump(), begun.model_dump()
        for key, value in ours.items():
            if theirs[key] != value:
                raise UserError(
                    f"{self.folder}: an unfinished recording has {key} = {theirs[key]!r}, not "
                    f"{value!r}; go on with the same settings, or {self.way_out}"
                )

    def _count(self) -> int:
        number = 0
        while self._path(number).is_file():
            number += 1
        return number

    def _path(self, number: int) -> Path:
        return self.folder / f"episode_{number:06d}.npz"

    def append(
        self,
        frames: Sequence[NDArray[np.uint8]],
        actions: Sequence[NDArray[np.float32]],
        states: Sequence[NDArray[np.float32]],
        entry: Entry,
    ) -> None:
        """Store an episode: frames without loss, uint8 [H, W, 3] each, actions and states."""
        content = video.encode(frames, self.settings.fps, video.LOSSLESS)
        text = json.dumps(entry.model_dump()).encode()
        with (
            stage.output(self._path(len(self.entries))) as partial,
            partial.open("wb") as file,
        ):
            np.savez(
                file,
                video=np.frombuffer(content, np.uint8),
                actions=np.stack(actions),
                states=np.stack(states),
                entry=np.frombuffer(text, np.uint8),
            )
        self.entries.append(entry)

    def episodes(self) -> Iterator[Episode]:
        """The episodes, one in memory at a time.

        Raises:
            DataError: a file is damaged.
        """
        for number in range(len(self.entries)):
            arrays, entry = self._read(number)
            path = self._path(number)
            yield Episode(
                key=path.stem,
                frames=video.decode(
                    arrays["video"].tobytes(), str(path), entry.steps, self.way_out
                ),
                actions=arrays["actions"],
                states=arrays["states"],
                meta=self._meta(entry),
            )

    def _meta(self, entry: Entry) -> Meta:
        ours, settings = entry.meta, self.settings
        return {
            **ours,
            "task": settings.task or ours.get("task", settings.env),
            "fps": settings.fps,
            "policy": settings.policy,
            "env": settings.env,
            "end": entry.end,
            "seed": entry.seed,
        }

    def _read(self, number: int) -> tuple[dict[str, Any], Entry]:
        path = self._path(number)
        arrays = read_npz(path, self.way_out, ARRAYS)
        return arrays, parse_json(arrays["entry"].tobytes(), Entry, path, self.way_out)
