"""DINOv2's vision transformer (Oquab et al. 2023) under the names of its files on the hub.

The forward pass and the resized table of positions are those of transformers' `Dinov2Model`.
"""

from collections import OrderedDict
from typing import Literal

import torch
from einops import rearrange
from pydantic import BaseModel, ConfigDict, Field, model_validator
from torch import Tensor, nn
from torch.nn import functional


class Config(BaseModel):
    """Fields of the hub's config.json that change the forward pass; the others are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    model_type: Literal["dinov2"]
    hidden_size: int = Field(gt=0, le=2**16)
    num_hidden_layers: int = Field(gt=0, le=1000)
    num_attention_heads: int = Field(gt=0)
    num_channels: Literal[3]
    image_size: int = Field(gt=0, le=2**14)
    patch_size: int = Field(gt=0)
    mlp_ratio: float = Field(gt=0, le=100)
    layer_norm_eps: float = Field(gt=0)
    qkv_bias: bool
    hidden_act: str
    # Defaults as in transformers, for configs written before these fields existed.
    use_swiglu_ffn: bool = False
    use_mask_token: bool = True

    @model_validator(mode="after")
    def _fields_agree(self) -> "Config":
        if self.hidden_size % self.num_attention_heads:
            raise ValueError(
                f"num_attention_heads = {self.num_attention_heads} does not divide "
                f"hidden_size = {self.hidden_size}"
            )
        if self.image_size % self.patch_size:
            raise ValueError(
                f"patch_size = {self.patch_size} does not divide image_size = {self.image_size}"
            )
        if self.hidden_act != "gelu" and not self.use_swiglu_ffn:
            raise ValueError(f"hidden_act = {self.hidden_act!r} is unknown; known: gelu")
        return self

    @property
    def side(self) -> int:
        """Side of the grid of learned positions."""
        return self.image_size // self.patch_size


class Dinov2(nn.Module):
    """Normalised pixels [B, 3, H, W] to tokens [B, 1 + H W / patch^2, width].

    The class token comes first, then the patch tokens in row-major order.
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.patch = config.patch_size
        self.embeddings = Embeddings(config)
        layers = nn.ModuleList(Layer(config) for _ in range(config.num_hidden_layers))
        self.encoder = nn.ModuleDict({"layer": layers})
        self.layernorm = nn.LayerNorm(config.hidden_size, config.layer_norm_eps)

    def forward(self, pixels: Tensor) -> Tensor:
        tokens = self.embeddings(pixels)
        for layer in self.encoder["layer"].children():
            tokens = layer(tokens)
        return self.layernorm(tokens)

    def tokens(self, pixels: Tensor) -> Tensor:
        """Patch tokens alone [B, H W / patch^2, width]."""
        return self(pixels)[:, 1:]


class Embeddings(nn.Module):
    """Class and patch tokens with learned positions."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        width, self.side = config.hidden_size, config.side
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        if config.use_mask_token:  # used in training alone
            self.mask_token = nn.Parameter(torch.zeros(1, width))
        self.position_embeddings = nn.Parameter(torch.zeros(1, 1 + self.side**2, width))
        projection = nn.Conv2d(3, width, config.patch_size, config.patch_size)
        self.patch_embeddings = nn.ModuleDict({"projection": projection})

    def forward(self, pixels: Tensor) -> Tensor:
        patches = self.patch_embeddings["projection"](pixels)
        tokens = rearrange(patches, "b c h w -> b (h w) c")
        tokens = torch.cat([self.cls_token.expand(len(tokens), -1, -1), tokens], 1)
        return tokens + self.positions(patches.shape[2], patches.shape[3])

    def positions(self, rows: int, columns: int) -> Tensor:
        """Position embeddings [1, 1 + rows columns, width], interpolated if need be."""
        table = self.position_embeddings
        if (rows, columns) == (self.side, self.side):
            return table
        grid = rearrange(table[:, 1:], "b (h w) c -> b c h w", h=self.side)
        grid = functional.interpolate(grid, (rows, columns), mode="bicubic", align_corners=False)
        return torch.cat([table[:, :1], rearrange(grid, "b c h w -> b (h w) c")], 1)


class Layer(nn.Module):
    """Pre-norm transformer block with LayerScale."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        width, eps = config.hidden_size, config.layer_norm_eps
        self.norm1, self.norm2 = nn.LayerNorm(width, eps), nn.LayerNorm(width, eps)
        self.attention = Attention(config)
        self.layer_scale1, self.layer_scale2 = LayerScale(width), LayerScale(width)
        inner = int(width * config.mlp_ratio)
        self.mlp = SwiGlu(width, inner) if config.use_swiglu_ffn else _mlp(width, inner)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.layer_scale1(self.attention(self.norm1(x)))
        return x + self.layer_scale2(self.mlp(self.norm2(x)))


class Attention(nn.Module):
    """Multi-head self-attention."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        width, self.heads = config.hidden_size, config.num_attention_heads
        names = ("query", "key", "value")
        self.attention = nn.ModuleDict({n: nn.Linear(width, width, config.qkv_bias) for n in names})
        self.output = nn.ModuleDict({"dense": nn.Linear(width, width)})

    def forward(self, x: Tensor) -> Tensor:
        query, key, value = (
            rearrange(self.attention[name](x), "b n (h d) -> b h n d", h=self.heads)
            for name in ("query", "key", "value")
        )
        mixed = functional.scaled_dot_product_attention(query, key, value)
        return self.output["dense"](rearrange(mixed, "b h n d -> b n (h d)"))


class LayerScale(nn.Module):
    """A learned factor per channel (LayerScale, Touvron et al. 2021)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.lambda1 = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.lambda1


class SwiGlu(nn.Module):
    """SwiGLU feed-forward (Shazeer 2020), two thirds as wide as an MLP with as many weights."""

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        gated = (inner * 2 // 3 + 7) // 8 * 8
        self.weights_in, self.weights_out = nn.Linear(width, 2 * gated), nn.Linear(gated, width)

    def forward(self, x: Tensor) -> Tensor:
        gate, value = self.weights_in(x).chunk(2, -1)
        return self.weights_out(functional.silu(gate) * value)


def _mlp(width: int, inner: int) -> nn.Module:
    fc1, fc2 = nn.Linear(width, inner), nn.Linear(inner, width)
    return nn.Sequential(OrderedDict({"fc1": fc1, "activation": nn.GELU(), "fc2": fc2}))
