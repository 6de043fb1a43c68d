"""Conformance of a format that can be written; see `pipeline.formats.WritableFormat`."""

import pickle
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.episodes import video
from pipeline.episodes.episode import Episode, Meta
from pipeline.errors import DataError
from pipeline.formats import FORMATS, DatasetOptions, FormatModule, Source, WritableFormat
from pipeline.params import Variant
from pipeline.testing.member import MemberTests

Member = Variant[FormatModule, DatasetOptions]

Values = Callable[[np.random.Generator, int], NDArray[np.float32]]
"""Draws float32 [T, dim]."""


def normal(dim: int) -> Values:
    """Standard normal values [T, dim]."""
    return lambda rng, length: rng.normal(size=(length, dim)).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Example:
    """Episodes that a layout can hold.

    Attributes:
        size: height and width; unequal, so that swapped axes are noticed.
        actions: draws actions float32 [T, A].
        states: draws states float32 [T, S].
        meta: of every episode; must be read back, at least.
        loss: largest mean difference of a frame from the one written; 0 where nothing is lost.
        lengths: frames of each episode; equal ones for a layout that knows no others.
    """

    size: tuple[int, int] = (20, 24)
    actions: Values = field(default_factory=lambda: normal(2))
    states: Values = field(default_factory=lambda: normal(2))
    meta: Meta = field(default_factory=dict)
    loss: float = 0.0
    lengths: tuple[int, ...] = (5, 8, 6)

    def episode(self, index: int, length: int) -> Episode:
        """An episode whose every frame, row, column and colour differs clearly from the others."""
        rng = np.random.default_rng(index)
        (height, width), time = self.size, np.arange(length)[:, None, None]
        down, across = np.linspace(0, 200, height)[:, None], np.linspace(0, 100, width)
        frames = np.empty((length, height, width, 3), np.uint8)
        frames[..., 0] = down + 0 * across + 0 * time
        frames[..., 1] = across + 12 * time % 150 + 0 * down
        frames[..., 2] = 40 * index + 5 * time % 50 + 0 * down + 0 * across
        actions, states = self.actions(rng, length), self.states(rng, length)
        return Episode(f"episode_{index:03d}", frames, actions, states, self.meta)

    def episodes(self, lengths: tuple[int, ...] | None = None) -> Iterator[Episode]:
        """Episodes of these or its own lengths, made one after the other."""
        return (self.episode(index, length) for index, length in enumerate(lengths or self.lengths))


class FormatTests(MemberTests):
    """The promises of a WritableFormat: what is written in it is what is read."""

    family = FORMATS
    examples: ClassVar[Example] = Example()
    """Episodes that the layout can hold."""

    @pytest.fixture(scope="class")
    @classmethod
    def example(cls) -> Example:
        """Episodes that the layout can hold."""
        return cls.examples

    @pytest.fixture(scope="class")
    @classmethod
    def dataset(cls, member: Member) -> WritableFormat:
        """The format."""
        built = member.build()
        assert isinstance(built, WritableFormat)
        return built

    @pytest.fixture(scope="class")
    @classmethod
    def raw(
        cls, dataset: WritableFormat, example: Example, tmp_path_factory: pytest.TempPathFactory
    ) -> Path:
        """The folder with the written examples; no test changes it."""
        folder = tmp_path_factory.mktemp("data") / "raw"
        dataset.write(example.episodes(), folder)
        return folder

    @pytest.fixture
    def source(self, dataset: WritableFormat, raw: Path) -> Source:
        """The opened folder."""
        return dataset.open(raw)

    def test_written_episodes_are_read_back_equal(self, source: Source, example: Example) -> None:
        assert len(source) == len(example.lengths)
        for index, written in enumerate(example.episodes()):
            read = source[index]
            np.testing.assert_array_equal(read.actions, written.actions)
            np.testing.assert_array_equal(read.states, written.states)
            assert read.meta.items() >= written.meta.items()
            assert read.frames.shape == written.frames.shape
            lost = np.abs(read.frames.astype(float) - written.frames).mean((1, 2, 3))
            assert lost.max() <= example.loss

    def test_frames_of_an_episode_are_those_of_its_video(self, source: Source) -> None:
        for index in range(len(source)):
            read = source[index]
            if read.video is not None:
                decoded = video.decode(read.video, read.key, len(read))
                np.testing.assert_array_equal(decoded, read.frames)

    def test_the_same_episodes_give_the_same_bytes(
        self, dataset: WritableFormat, example: Example, raw: Path, tmp_path: Path
    ) -> None:
        dataset.write(example.episodes(), tmp_path / "again")
        assert contents(tmp_path / "again") == contents(raw)

    def test_writing_keeps_the_frames_of_one_episode_at_a_time(
        self, dataset: WritableFormat, example: Example, tmp_path: Path
    ) -> None:
        alive = []

        def watched() -> Iterator[Episode]:
            for episode in example.episodes((3, 3, 3, 3, 3)):
                alive.append(weakref.ref(episode.frames))
                yield episode
                # The writer's own variable and ours may still name the last two.
                assert sum(frames() is not None for frames in alive) <= 2

        dataset.write(watched(), tmp_path / "raw")
        assert len(alive) == 5

    def test_the_key_of_an_episode_is_its_alone_and_known_without_reading_it(
        self, source: Source
    ) -> None:
        keys = [source.key(index) for index in range(len(source))]
        assert keys == [source[index].key for index in range(len(source))]
        assert len(set(keys)) == len(keys)
        assert not any(set("./ ") & set(key) for key in keys)

    def test_a_pickled_source_reads_the_same(self, source: Source) -> None:
        other = pickle.loads(pickle.dumps(source))
        assert (len(other), other.split) == (len(source), source.split)
        for index in range(len(source)):
            ours, read = other[index], source[index]
            assert (ours.key, ours.meta, ours.video) == (read.key, read.meta, read.video)
            for values in ("frames", "actions", "states"):
                np.testing.assert_array_equal(getattr(ours, values), getattr(read, values))

    def test_a_pickled_source_holds_no_frames(
        self, dataset: WritableFormat, example: Example, tmp_path: Path
    ) -> None:
        sizes = []
        for length in (5, 60):
            dataset.write(example.episodes((length, length)), tmp_path / str(length))
            sizes.append(len(pickle.dumps(dataset.open(tmp_path / str(length)))))
        frame = next(example.episodes()).frames[0]
        assert sizes[1] - sizes[0] < 2 * frame.nbytes

    def test_there_is_no_episode_beyond_the_last(self, source: Source) -> None:
        with pytest.raises(IndexError):
            source[len(source)]

    def test_a_published_split_has_every_episode_once(self, source: Source) -> None:
        if source.split is not None:
            visited = sorted(source.split.train + source.split.val)
            assert visited == list(range(len(source)))

    def test_the_interval_is_a_number_of_steps(self, dataset: WritableFormat) -> None:
        assert dataset.interval >= 1

    def test_what_it_has_written_is_detected(self, member: Member, raw: Path) -> None:
        assert member.module.detect(raw) is not None

    def test_a_folder_of_something_else_is_not_detected(
        self, member: Member, tmp_path: Path
    ) -> None:
        assert member.module.detect(tmp_path) is None
        (tmp_path / "notes.txt").write_text("nothing")
        assert member.module.detect(tmp_path) is None

    def test_a_missing_folder_is_named(self, dataset: WritableFormat, tmp_path: Path) -> None:
        with pytest.raises(DataError, match="absent"):
            dataset.open(tmp_path / "absent")

    def test_an_empty_folder_is_named(self, dataset: WritableFormat, tmp_path: Path) -> None:
        (tmp_path / "empty").mkdir()
        with pytest.raises(DataError, match="empty"):
            dataset.open(tmp_path / "empty")


def contents(folder: Path) -> dict[str, bytes]:
    """The bytes of every file of a folder, by its path in it."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}
