"""What a store takes, and what would make it smaller."""

from collections.abc import Sequence

from pipeline.encoders import Encoder
from pipeline.encoders._semantic import Semantic
from pipeline.errors import ParamsError
from pipeline.latents import LatentSpec
from pipeline.variants import ENCODERS

UNITS = ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"))


def total_bytes(spec: LatentSpec, lengths: Sequence[int]) -> int:
    """Bytes of all arrays, for episodes of such lengths."""
    frames, latents = sum(lengths), sum(map(spec.kept, lengths))
    columns = spec.columns().values()
    return sum(column.row_bytes * (latents if column.strided else frames) for column in columns)


def check(spec: LatentSpec, lengths: Sequence[int], encoder: Encoder, most: int) -> int:
    """Say what will be written before anything is: so many bytes.

    Raises:
        ParamsError: these are more than `most`.
    """
    total = total_bytes(spec, lengths)
    shape = "x".join(map(str, spec.latent_shape))
    line = f"{sum(map(spec.kept, lengths))} frames of {shape} latents take {readable(total)}"
    print(f"encode: {line}")
    if total > most:
        raise ParamsError(
            f"encode.max_bytes = {most}, but {line}; raise it, or make them smaller: "
            + ", ".join(_ways(spec, lengths, encoder))
        )
    return total


def readable(count: int) -> str:
    """Bytes in MB, GB or TB."""
    size, unit = next((s, u) for s, u in UNITS if count >= s or u == "MB")
    return f"{count / size:.2f} {unit}"


def _ways(spec: LatentSpec, lengths: Sequence[int], encoder: Encoder) -> list[str]:
    """Options that help, with what would be left where that is known."""
    changes: dict[str, dict[str, object]] = {}
    if spec.storage != "int8":
        changes["encode.storage: int8"] = {"storage": "int8"}
    if spec.stride < spec.interval:
        changes[f"encode.stride: {spec.interval}"] = {"stride": spec.interval}
    if len(changes) == 2:
        changes["both"] = {"storage": "int8", "stride": spec.interval}
    if isinstance(encoder, Semantic):
        changes |= _reductions(spec)
    ways = [
        f"{what} takes {readable(total_bytes(spec.model_copy(update=change), lengths))}"
        for what, change in changes.items()
    ]
    return [*ways, f"a lower datasets.{spec.dataset}.resolution"]


def _reductions(spec: LatentSpec) -> dict[str, dict[str, object]]:
    """Options of a semantic encoder that keep less of its features."""
    known = ENCODERS.load(spec.encoder, "encoder").Options.model_fields
    place, (channels, height, width) = f"encoders.{spec.encoder}", spec.latent_shape
    changes: dict[str, dict[str, object]] = {}
    if "pool" in known:
        changes[f"{place}.pool doubled"] = {"latent_shape": (channels, height // 2, width // 2)}
    if "channels" in known:
        half = channels // 2
        changes[f"{place}.channels: {half}"] = {"latent_shape": (half, height, width)}
    return changes
