"""A folder of videos or images, with a table of actions for each: what most recorders can write.

Frames are a video (`NAME.mp4`) or a folder of images (`NAME/0.png`, ..) per episode, actions the
numeric columns of a CSV file, a parquet file or a numpy array of the same name. `frames` and
`table` say where: paths in which `{episode}` stands for an episode's name. One table with the rows
of all episodes and a column that names them will do, too.

Row t holds the action that is applied at frame t, in whatever units. Where there is one row less
than there are frames, or the last row's actions are empty, no action was applied at the last frame,
which is left out. With `alignment: before_frame`, row t holds the action that led to frame t; then
that of row 0 and the last frame are left out.
"""

from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Self

from pydantic import Field, model_validator

from pipeline.episodes.episode import Episode
from pipeline.errors import DataError
from pipeline.files.names import InnerPath
from pipeline.formats import DatasetOptions, Detected
from pipeline.formats._shared import discrete, episode_meta
from pipeline.formats._shared.folder import require
from pipeline.formats.video_csv import layout as layouts
from pipeline.formats.video_csv import tables, written
from pipeline.formats.video_csv.layout import EPISODE, Layout
from pipeline.formats.video_csv.source import Alignment, Columns, VideoCsvSource

if TYPE_CHECKING:
    import pyarrow as pa

FIND = "run `wm inspect` on the folder to see what is found there"


class Options(DatasetOptions):
    """Where frames and actions are; what is null is found in the folder."""

    frames: InnerPath | None = Field(
        default=None,
        description="an episode's video or folder of images, such as videos/{episode}.mp4",
    )
    table: InnerPath | None = Field(
        default=None,
        description="an episode's rows, such as actions/{episode}.csv; without {episode}: all rows",
    )
    actions: list[str] | None = Field(
        default=None, min_length=1, description="columns; null: those called action.., or all"
    )
    states: list[str] | None = Field(
        default=None, description="columns; null: those called state.. or observation.."
    )
    episode_column: str | None = Field(
        default=None, description="of a table of all episodes: names the episode of a row"
    )
    discrete_actions: int | None = Field(
        default=None,
        gt=1,
        le=discrete.MOST,
        description="number of actions to choose from, which become one-hot; null: continuous",
    )
    alignment: Alignment = Field(
        default="at_frame",
        description="at_frame: an action is applied at its frame; before_frame: it led to it",
    )

    @model_validator(mode="after")
    def _patterns_name_the_episode(self) -> Self:
        for pattern in (self.frames, self.table):
            if pattern is not None and (
                pattern.count(EPISODE) > 1 or (pattern is self.frames and EPISODE not in pattern)
            ):
                raise ValueError(f"{pattern!r} must have {EPISODE} in it, once")
        if (self.frames is None) != (self.table is None):
            raise ValueError("give both frames and table, or neither")
        return self


def build(options: Options) -> "VideoCsv":
    """The reader and writer."""
    return VideoCsv(options)


def detect(folder: Path) -> Detected | None:
    """The layout that most episodes of a folder have, and the columns of its first table."""
    found = layouts.find(folder)
    if found is None:
        return None
    layout, others = found
    kind = "video" if layout.is_video else "images"
    title = f"{kind} and {PurePosixPath(layout.table).suffix[1:]}"
    options: dict[str, object] = {"frames": layout.frames, "table": layout.table}
    facts: dict[str, object] = {"other frames": others} if others else {}
    try:
        names = layouts.names(folder, layout)
        columns, table = _columns(folder, layout, names, Options(root=str(folder)))
    except DataError as error:
        return Detected(title, options, facts | {"first table": str(error)})
    options |= {"actions": columns.actions, "states": columns.states}
    if layout.one_table:
        options["episode_column"] = columns.episode
    read = (*columns.actions, *columns.states)
    if ignored := [name for name in table.column_names if name not in read]:
        facts["ignored columns"] = ignored
    if (choices := tables.choices(table, columns.actions)) is not None:
        facts["actions"] = (
            f"whole numbers: if they choose an action, set discrete_actions: {choices}, or to how "
            "many there are"
        )
    return Detected(title, options, facts)


class VideoCsv:
    """Folders of videos or images and tables; a `pipeline.formats.WritableFormat`."""

    interval = 1

    def __init__(self, options: Options) -> None:
        """A reader with these options; what is written is found without any."""
        self.options = options

    def open(self, raw: Path) -> VideoCsvSource:
        """List the episodes; one table is read where nobody says which columns are actions."""
        require(raw, "video_csv")
        layout = self._layout(raw)
        names = layouts.names(raw, layout)
        if not names:
            raise DataError(f"{raw}: holds no {layout.frames}; {FIND}")
        columns, _ = _columns(raw, layout, names, self.options)
        if not columns.actions:
            raise DataError(
                f"{raw / layout.table}: has no column of numbers that could be actions; name those "
                "that are in `actions`, or mend what is no number in them"
            )
        meta = episode_meta.read(raw / written.META)
        choices, alignment = self.options.discrete_actions, self.options.alignment
        return VideoCsvSource(raw, layout, names, columns, choices, alignment, meta)

    def _layout(self, raw: Path) -> Layout:
        if self.options.frames is not None and self.options.table is not None:
            return Layout(self.options.frames, self.options.table)
        if (found := layouts.find(raw)) is None:
            raise DataError(
                f"{raw}: holds no videos or folders of images beside tables of the same names; set "
                f"`frames` and `table` to where they are, such as videos/{EPISODE}.mp4"
            )
        return found[0]

    def write(self, episodes: Iterable[Episode], raw: Path) -> None:
        """Write lossless videos and CSV files."""
        written.write(episodes, raw)


def _columns(
    raw: Path, layout: Layout, names: list[str], options: Options
) -> "tuple[Columns, pa.Table]":
    """The columns to read, by the first table that is whole; and that table.

    Raises:
        DataError: none is.
    """
    error = DataError(f"{raw}: holds no episodes; {FIND}")
    for name in names:
        try:
            table = tables.read(raw / layout.table.replace(EPISODE, name))
        except DataError as wrong:
            error = wrong
            continue
        every = table.column_names
        episode = options.episode_column or tables.episode_column(every) or "episode"
        numeric = [column for column in tables.numeric(table) if column != episode]
        states = options.states if options.states is not None else tables.state_columns(numeric)
        actions = options.actions or tables.action_columns(numeric, states)
        return Columns(actions, states, episode), table
    raise error
