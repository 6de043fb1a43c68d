"""Writer of LeRobot v2.1; the same episodes give the same bytes."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from pipeline.episodes import video
from pipeline.episodes.episode import Episode
from pipeline.formats.lerobot import features
from pipeline.formats.lerobot import info as infos
from pipeline.formats.lerobot.contents import Contents
from pipeline.formats.lerobot.features import CHUNK, Json, Layout
from pipeline.formats.lerobot.info import Place

DATA = "data/chunk-{episode_chunk:03d}/episode_{episode_index:06d}.parquet"
VIDEO = "videos/chunk-{episode_chunk:03d}/{video_key}/episode_{episode_index:06d}.mp4"


def write(episodes: Iterable[Episode], raw: Path, layout: Layout) -> None:
    """Write episodes to a new folder."""
    contents = Contents(layout, quantiles=False)
    lines: list[Json] = []
    stats: list[Json] = []
    for episode in episodes:
        added = contents.add(episode)
        place = Place(added.number // CHUNK, added.number)
        features.save(added.table, raw / infos.fill(DATA, place))
        if contents.is_video:
            path = raw / infos.fill(VIDEO, place, layout.camera)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(video.encode(episode.frames, contents.fps, video.AV1))
        lines.append({"episode_index": added.number, "tasks": [added.task], "length": len(episode)})
        stats.append({"episode_index": added.number, "stats": added.stats})
    folder = raw / "meta"
    folder.mkdir()
    task_lines = [{"task_index": index, "task": task} for task, index in contents.tasks.items()]
    _write_lines(folder / "tasks.jsonl", task_lines)
    _write_lines(folder / "episodes.jsonl", lines)
    _write_lines(folder / "episodes_stats.jsonl", stats)
    features.write_meta(raw, contents.meta)
    info = {
        "codebase_version": "v2.1",
        "robot_type": layout.robot,
        "total_episodes": len(lines),
        "total_frames": contents.frames,
        "total_tasks": len(contents.tasks),
        "total_videos": len(lines) * contents.is_video,
        "total_chunks": (len(lines) - 1) // CHUNK + 1,
        "chunks_size": CHUNK,
        "fps": contents.fps,
        "splits": {"train": f"0:{len(lines)}"},
        "data_path": DATA,
        "video_path": VIDEO if contents.is_video else None,
        "features": contents.described,
    }
    (folder / "info.json").write_text(json.dumps(info, indent=4) + "\n")


def _write_lines(path: Path, lines: Sequence[Json]) -> None:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
