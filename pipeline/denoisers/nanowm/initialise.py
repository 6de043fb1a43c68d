"""The first weights of NanoWM, drawn as the reference does."""

from collections.abc import Iterable

from torch import Tensor, nn

from pipeline.denoisers.nanowm.layers import FinalLayer, PatchEmbed


def initialise(
    model: nn.Module,
    patches: PatchEmbed,
    positions: Iterable[Tensor],
    final: FinalLayer,
    reference_init: bool,
) -> None:
    """Draw all weights of a model, these among them, from torch's global generator.

    The reference starts cross-attention's gate and its output projection at zero, so that neither
    ever has a gradient. `reference_init` does the same; otherwise only the gate is zero.
    """
    for module in model.modules():
        if isinstance(module, nn.Linear):
            nn.init.xavier_uniform_(module.weight)
    # As if the convolution over patches were a linear layer (ViT, DiT).
    nn.init.xavier_uniform_(patches.proj.weight.flatten(1))
    for position in positions:
        nn.init.normal_(position, std=0.02)
    for name, weight in model.named_parameters():
        if name.endswith(".bias"):
            nn.init.zeros_(weight)
        elif name.startswith("t_embedder"):
            nn.init.normal_(weight, std=0.02)
        # adaLN-Zero: every block is the identity at first (Peebles & Xie 2023, sec. 3.2).
        elif "_modulation" in name or (reference_init and "cross_attn.proj" in name):
            nn.init.zeros_(weight)
    nn.init.zeros_(final.linear.weight)
