"""Tokens of V-JEPA 2.1's own encoder, layer by layer, and its latents in Nano World Models."""

import re
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from pipeline.encoders.vjepa2_1 import Options, VJepa
from pipeline.encoders.vjepa2_1.vit import PATCH, VisionTransformer, load_network
from pipeline.tools.parity.golden import Arrays, Check, Folder, close
from pipeline.weights.pretrained import Weights, locate

TOLERANCE = 2e-5
HEADS = 3
"""Heads of the recorded network, which its weights do not determine."""
LAYER = re.compile(r"(\w+)\.(output|after_embed|after_block\d+)")
PATTERN = re.compile(r"pattern(\d+)")


def check(arrays: Arrays, folder: Folder) -> Iterator[Check]:
    """`CASE.{output,after_embed,after_blockN}` and `codec.{preprocessed,latents}`."""
    path = folder.file("weights.safetensors")
    network = load_network(folder.weights("weights"), HEADS, path)
    layers: dict[str, dict[str, Tensor]] = {}
    for name in arrays:
        if match := LAYER.fullmatch(name):
            case, layer = match.groups()
            if case not in layers:
                layers[case] = tokens(network, _video(arrays, case))
            if layer in layers[case]:
                yield close(name, layers[case][layer], arrays(name), TOLERANCE)
    if "codec.preprocessed" in arrays:
        theirs = arrays("codec.preprocessed")
        ours = _preprocessed(_codec(path, theirs.shape[-1]), _codec_pixels(arrays))
        yield close("codec.preprocessed", ours, theirs, TOLERANCE)
    if "codec.latents" in arrays:
        theirs = arrays("codec.latents")
        ours = _codec(path, theirs.shape[-1] * PATCH).encode(_codec_pixels(arrays))
        yield close("codec.latents", ours, theirs, TOLERANCE)


def tokens(network: VisionTransformer, video: Tensor) -> dict[str, Tensor]:
    """Tokens before the first block, after each block, and the output, [B, N, width]."""
    recorded: dict[str, Tensor] = {}

    def record_input(_: object, inputs: tuple[Tensor, ...]) -> None:
        recorded["after_embed"] = inputs[0]

    def record_output(_: object, __: object, output: Tensor) -> None:
        recorded[f"after_block{len(recorded) - 1}"] = output

    hooks = [network.blocks[0].register_forward_pre_hook(record_input)]
    hooks += [block.register_forward_hook(record_output) for block in network.blocks]
    output = network(video)
    for hook in hooks:
        hook.remove()
    return {**recorded, "output": output}


def _video(arrays: Arrays, case: str) -> Tensor:
    """Input video [B, 3, T, H, W]: recorded, or a pattern of integers."""
    if match := PATTERN.fullmatch(case):
        video = pattern(int(match[1]))[None, :, None]
    else:
        video = arrays(f"{case}.input_u8")
    return (video.float() - 128) / 64


def pattern(side: int) -> Tensor:
    """A deterministic image [3, side, side] of integers 0..255, which need not be recorded."""
    channel, i, j = torch.meshgrid(*map(torch.arange, (3, side, side)), indexing="ij")
    return (7 * i + 13 * j + 29 * channel + i * j // 11 + 37 * (i // 16) * (j // 16)) % 256


def _codec_pixels(arrays: Arrays) -> Tensor:
    """Frames 0..255 [B, 3, H, W]; the reference was given them as floats, some beyond -1..1.

    It clamps those, and so does this: bytes cannot hold them.
    """
    frames = (arrays("codec.frames_u8").float() - 128) / 112
    return ((frames + 1) / 2).clamp(0, 1) * 255


def _codec(path: Path, size: int) -> VJepa:
    weights = Weights(source=str(path), file=None, revision=None, sha256=None)
    decoder = {"channels": [1], "steps": 1, "batch": 1, "learning_rate": 1}
    values = {"size": size, "heads": HEADS, "pool": 1, "channels": None, "decoder": decoder}
    options = Options.model_validate({"weights": weights, **values})
    return VJepa(locate(weights, "codec"), options)


def _preprocessed(codec: VJepa, frames: Tensor) -> Tensor:
    """Frames 0..255 [B, 3, H, W] as the input of the network, [B, 3, size, size]."""
    inputs: list[Tensor] = []

    def record(_: object, args: tuple[Tensor, ...]) -> None:
        inputs.append(args[0][:, :, 0])

    with codec.network.register_forward_pre_hook(record):
        codec.encode(frames)
    return inputs[0]
