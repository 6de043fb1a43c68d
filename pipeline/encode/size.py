"""What a store takes, and what would make it smaller."""

from collections.abc import Container, Sequence

from pipeline.encoders import Encoder
from pipeline.encoders._shared.reduced import Reduced
from pipeline.encoders._shared.semantic import Semantic
from pipeline.errors import ParamsError
from pipeline.families import ENCODERS
from pipeline.latents.spec import LatentSpec

UNITS = ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"))
Change = dict[str, object]
"""Fields of a spec, as they would be with other options."""


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
        ways = ", ".join(_ways(spec, lengths, encoder))
        smaller = f", or make them smaller: {ways}" if ways else ""
        raise ParamsError(f"encode.max_bytes = {most}, but {line}; raise it{smaller}")
    return total


def readable(count: int) -> str:
    """Bytes in MB, GB or TB."""
    size, unit = next((s, u) for s, u in UNITS if count >= s or u == "MB")
    return f"{count / size:.2f} {unit}"


def _ways(spec: LatentSpec, lengths: Sequence[int], encoder: Encoder) -> list[str]:
    """Options that help, with what would be left where that is known."""
    total = total_bytes(spec, lengths)

    def left(change: Change) -> int:
        return total_bytes(spec.model_copy(update=change), lengths)

    stored: dict[str, Change] = {
        "encode.storage: int8": {"storage": "int8"},
        f"encode.stride: {spec.interval}": {"stride": spec.interval},
    }
    changes = {what: change for what, change in stored.items() if left(change) < total}
    if len(changes) == 2:
        changes["both"] = {"storage": "int8", "stride": spec.interval}
    sized = f"datasets.{spec.dataset}.resolution"
    if isinstance(encoder, Semantic):
        known = ENCODERS.options_class(spec.encoder, "encoder").model_fields
        changes |= _reductions(spec, encoder, known)
        sized = f"encoders.{spec.encoder}.size" if "size" in known else sized
    ways = [f"{what} takes {readable(left(change))}" for what, change in changes.items()]
    return [*ways, f"a lower {sized}"] if max(spec.latent_shape[1:]) > 1 else ways


def _reductions(spec: LatentSpec, encoder: Semantic, known: Container[str]) -> dict[str, Change]:
    """Options of a semantic encoder, of those `known`, that keep less of its features."""
    place, (channels, height, width) = f"encoders.{spec.encoder}", spec.latent_shape
    changes: dict[str, Change] = {}
    sides = [n for n in range(2, min(height, width) + 1) if not (height % n or width % n)]
    if "pool" in known and sides:
        pool = encoder.backbone.pool if isinstance(encoder.backbone, Reduced) else 1
        shape = (channels, height // sides[0], width // sides[0])
        changes[f"{place}.pool: {pool * sides[0]}"] = {"latent_shape": shape}
    if "channels" in known and channels > 1:
        half = channels // 2
        changes[f"{place}.channels: {half}"] = {"latent_shape": (half, height, width)}
    return changes
