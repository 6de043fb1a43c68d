"""What a store takes, and what would make it smaller."""

from collections.abc import Sequence

from pipeline.encoders import Encoder
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
    place = f"{ENCODERS.block}.{spec.encoder}"
    for option, shape in encoder.smaller(spec.latent_shape).items():
        changes[f"{place}.{option}"] = {"latent_shape": shape}
    resized = "size" in ENCODERS.options_class(spec.encoder, "encoder").model_fields
    sized = f"{place}.size" if resized else f"datasets.{spec.dataset}.resolution"
    ways = [f"{what} takes {readable(left(change))}" for what, change in changes.items()]
    return [*ways, f"a lower {sized}"] if max(spec.latent_shape[1:]) > 1 else ways
