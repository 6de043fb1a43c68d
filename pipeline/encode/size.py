"""Size of a latent cache, and options that would make it smaller."""

from collections.abc import Sequence

from pipeline.encoders import ENCODERS, Encoder
from pipeline.errors import ParamsError
from pipeline.files.units import readable
from pipeline.latents.spec import LatentSpec

Change = dict[str, object]
"""Fields of a LatentSpec that other options would change."""


def total_bytes(spec: LatentSpec, lengths: Sequence[int]) -> int:
    """Bytes of all arrays, for episodes of `lengths` frames."""
    frames, latents = sum(lengths), sum(map(spec.num_latents, lengths))
    columns = spec.columns().values()
    return sum(column.row_bytes * (latents if column.strided else frames) for column in columns)


def check(spec: LatentSpec, lengths: Sequence[int], encoder: Encoder, max_bytes: int) -> int:
    """Print and return the bytes that a store will take, before any is written.

    Raises:
        ParamsError: they exceed `max_bytes`.
    """
    total = total_bytes(spec, lengths)
    shape = "x".join(map(str, spec.latent_shape))
    line = f"{sum(map(spec.num_latents, lengths))} frames of {shape} latents take {readable(total)}"
    print(f"encode: {line}")
    if total > max_bytes:
        ways = ", ".join(_ways_out(spec, lengths, encoder))
        smaller = f", or make them smaller: {ways}" if ways else ""
        raise ParamsError(f"encode.max_bytes = {max_bytes}, but {line}; raise it{smaller}")
    return total


def _ways_out(spec: LatentSpec, lengths: Sequence[int], encoder: Encoder) -> list[str]:
    """Options that make the store smaller, with its new size if that is known."""
    total = total_bytes(spec, lengths)

    def bytes_with(change: Change) -> int:
        return total_bytes(spec.model_copy(update=change), lengths)

    stored: dict[str, Change] = {f"encode.stride: {spec.interval}": {"stride": spec.interval}}
    if spec.storage != "float32":
        stored = {"encode.storage: int8": {"storage": "int8"}, **stored}
    changes = {option: change for option, change in stored.items() if bytes_with(change) < total}
    if len(changes) == 2:
        changes["both"] = {"storage": "int8", "stride": spec.interval}
    place = f"{ENCODERS.block}.{spec.encoder}"
    for option, shape in encoder.smaller(spec.latent_shape).items():
        changes[f"{place}.{option}"] = {"latent_shape": shape}
    has_size = "size" in ENCODERS.options_class(spec.encoder, "encoder").model_fields
    resolution = f"{place}.size" if has_size else f"datasets.{spec.dataset}.resolution"
    ways = [f"{option} takes {readable(bytes_with(change))}" for option, change in changes.items()]
    return [*ways, f"a lower {resolution}"] if max(spec.latent_shape[1:]) > 1 else ways
