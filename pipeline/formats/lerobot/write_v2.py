"""Writer of LeRobot v2.1; the same episodes give the same bytes."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from pipeline.episodes import video
from pipeline.episodes.episode import Episode, Meta
from pipeline.formats.lerobot import features, statistics
from pipeline.formats.lerobot import info as infos
from pipeline.formats.lerobot.features import CHUNK, Json, Layout
from pipeline.formats.lerobot.info import Place

DATA = "data/chunk-{episode_chunk:03d}/episode_{episode_index:06d}.parquet"
VIDEO = "videos/chunk-{episode_chunk:03d}/{video_key}/episode_{episode_index:06d}.mp4"


def write(episodes: Iterable[Episode], raw: Path, layout: Layout) -> None:
    """Write episodes to a new folder."""
    tasks: dict[str, int] = {}
    meta: dict[str, Meta] = {}
    lines: list[Json] = []
    stats: list[Json] = []
    described: Json = {}
    frames = fps = 0
    is_video = False
    for number, episode in enumerate(episodes):
        task = features.task(episode)
        fps = fps or features.frames_per_second(layout, episode)
        columns = features.columns(
            episode, layout, number, frames, tasks.setdefault(task, len(tasks)), fps
        )
        if not described:
            described = features.described(episode, layout, columns, fps)
            is_video = features.is_video(episode)
        place = Place(number // CHUNK, number)
        images = {} if is_video else {layout.camera: episode.frames}
        features.save(features.table(columns, images), raw / infos.fill(DATA, place))
        if is_video:
            path = raw / infos.fill(VIDEO, place, layout.camera)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(video.encode(episode.frames, fps, video.AV1))
        lines.append({"episode_index": number, "tasks": [task], "length": len(episode)})
        found = {layout.camera: statistics.of_frames(episode.frames, quantiles=False)}
        found |= statistics.of_columns(columns, quantiles=False)
        stats.append({"episode_index": number, "stats": found})
        meta[infos.key(number)] = episode.meta
        frames += len(episode)
    folder = raw / "meta"
    folder.mkdir()
    task_lines = [{"task_index": index, "task": task} for task, index in tasks.items()]
    _write_lines(folder / "tasks.jsonl", task_lines)
    _write_lines(folder / "episodes.jsonl", lines)
    _write_lines(folder / "episodes_stats.jsonl", stats)
    features.write_meta(raw, meta)
    info = {
        "codebase_version": "v2.1",
        "robot_type": layout.robot,
        "total_episodes": len(lines),
        "total_frames": frames,
        "total_tasks": len(tasks),
        "total_videos": len(lines) * is_video,
        "total_chunks": (len(lines) - 1) // CHUNK + 1,
        "chunks_size": CHUNK,
        "fps": fps,
        "splits": {"train": f"0:{len(lines)}"},
        "data_path": DATA,
        "video_path": VIDEO if is_video else None,
        "features": described,
    }
    (folder / "info.json").write_text(json.dumps(info, indent=4) + "\n")


def _write_lines(path: Path, lines: Sequence[Json]) -> None:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
