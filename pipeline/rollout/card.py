"""rollout.json: what was sampled, how, and by which model."""

from typing import Literal

from pydantic import Field

from pipeline.diffusion import SamplingOptions
from pipeline.files.json_model import FileModel
from pipeline.files.names import FileName
from pipeline.files.versioned import Format

FORMAT = Format()
"""Of rollout.json; a change that earlier files do not go with needs a migration."""
CARD = "rollout.json"


class ModelCard(FileModel):
    """Which model generated.

    Attributes:
        folder: as the user named it.
        sha256: of model.safetensors.
        config_sha256: of config.json.
        codec_sha256: over the files of the codec; see `encoders.digest`.
    """

    folder: str
    sha256: str
    config_sha256: str
    codec_sha256: str


class LatentsCard(FileModel):
    """Which data it started from.

    Attributes:
        folder: as the user named it.
        sha256: of zarr.json, which names the data set, its statistics and every episode.
        dataset: name in params.yaml.
        encoder: name of the codec's encoder.
        shards_sha256: digest of the shards' manifest.
    """

    folder: str
    sha256: str
    dataset: str
    encoder: str
    shards_sha256: str


class ClipCard(FileModel):
    """One clip; its files begin with `name`.

    Attributes:
        name: NAME_generated.mp4 has the history as it was given, then the generated frames.
        source: where actions and truth come from.
        episode: key of the episode, or name of the file that it starts from.
        start: environment step in it of the first frame.
        truth: whether there is a NAME_truth.mp4 (or folder of PNG).
        states: whether there is a NAME_states.npy, float32 [history + frames, S].
        meta: of the episode: what a simulator needs to restore its states.
    """

    name: FileName
    source: Literal["recorded", "simulated", "actions", "file"]
    episode: str
    start: int = Field(ge=0)
    truth: bool
    states: bool
    meta: dict[str, float | int | str]


class RolloutCard(FileModel):
    """The content of rollout.json.

    Attributes:
        model: that generated.
        latents: that it started from.
        sampler: order of denoising.
        sampling: options of the sampler.
        seed: of the noise, and of the choice of clips.
        batch: clips generated together.
        history: frames at the beginning of each video that are not generated.
        frames: generated frames after them.
        interval: environment steps from one frame to the next; as many actions in NAME_actions.npy.
        fps: of the videos.
        height: of the videos and images in pixels.
        width: of the videos and images in pixels, but for comparisons.
        recorded_height: of the frames as they were recorded.
        recorded_width: of the frames as they were recorded.
        native: whether frames were brought to the recorded size.
        videos: whether there are NAME_{generated,truth,comparison}.mp4.
        images: whether there are NAME_{generated,truth}/NUMBER.png, from 000000.
        clips: in order.
    """

    model: ModelCard
    latents: LatentsCard
    sampler: str
    sampling: SamplingOptions
    seed: int = Field(ge=0)
    batch: int = Field(gt=0)
    history: int = Field(gt=0)
    frames: int = Field(gt=0)
    interval: int = Field(gt=0)
    fps: int = Field(gt=0)
    height: int = Field(gt=0)
    width: int = Field(gt=0)
    recorded_height: int = Field(gt=0)
    recorded_width: int = Field(gt=0)
    native: bool
    videos: bool
    images: bool
    clips: list[ClipCard]
