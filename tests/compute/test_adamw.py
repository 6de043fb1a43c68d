"""AdamW is torch's to the bit, and it and networks on the meta device go without torch.compile."""

import copy
import subprocess
import sys
from functools import partial

import torch
from helpers import ROOT
from torch import nn

from pipeline.compute.adamw import AdamW


def trained(kind, steps=5, state=None):
    torch.manual_seed(0)
    network = nn.Linear(4, 3)
    optimiser = kind(network.parameters(), 0.1, betas=(0.8, 0.9), weight_decay=0.1)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 0.1, total_steps=steps + 1)
    if state is not None:
        optimiser.load_state_dict(copy.deepcopy(state))
    for _ in range(steps):
        optimiser.zero_grad(set_to_none=True)
        network(torch.ones(2, 4)).square().sum().backward()
        optimiser.step()
        schedule.step()
    return network, optimiser


def test_weights_and_moments_are_torch_s():
    fused = partial(torch.optim.AdamW, fused=True)
    (mine, own), (its, theirs) = trained(AdamW), trained(fused)
    assert torch.equal(mine.weight, its.weight)
    for weight, other in zip(mine.parameters(), its.parameters(), strict=True):
        for name, value in theirs.state[other].items():
            assert torch.equal(own.state[weight][name], value)
    again, _ = trained(AdamW, state=theirs.state_dict())
    expected, _ = trained(fused, state=theirs.state_dict())
    assert torch.equal(again.weight, expected.weight)


def test_fitting_loading_and_forecasts_do_not_import_the_front_end_of_torch_compile():
    script = (
        "import sys, torch\n"
        "from pipeline.compute.optimiser import Optimiser\n"
        "from pipeline.weights.shapes import shapes_alone\n"
        "network = torch.nn.Linear(2, 2)\n"
        "Optimiser(network.parameters(), 0.1, 3).step(network(torch.ones(1, 2)).sum())\n"
        "with shapes_alone(): assert torch.nn.Embedding(2, 2).weight.device.type == 'meta'\n"
        "from pipeline.denoisers import Size\n"
        "from pipeline.denoisers.nanowm import published_options\n"
        "from pipeline.diffusion.config import VariantConfig, build_denoiser\n"
        "from pipeline.train.memory.cost import measure\n"
        "options = published_options('nano', 2, 'adaln', causal=True).model_dump()\n"
        "nano = VariantConfig(name='nanowm', options=options)\n"
        "size = Size(latent_shape=(4, 8, 8), action_dim=2, frames=4)\n"
        "with shapes_alone():\n"
        "    build_denoiser(nano, size)\n"
        "kept = dict(streams=1, checkpointing=False, precision='float32')\n"
        "assert measure(nano, size, clips=1, **kept).forward_flops > 1e7\n"
        "print(*(m for m in ('torch._dynamo', 'sympy') if m in sys.modules))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "\n"
