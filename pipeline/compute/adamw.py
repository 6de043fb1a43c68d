"""AdamW, without an import that takes longer than a small training."""

from inspect import unwrap

import torch
from torch.optim import Optimizer


class AdamW(torch.optim.AdamW):
    """torch's AdamW (Loshchilov & Hutter 2019, alg. 2), not differentiable.

    Methods of torch's optimisers import torch.compile's front end, 1.2 CPU-seconds, only to keep it
    out of them. These are the same methods without that.
    """

    add_param_group = unwrap(Optimizer.add_param_group)
    zero_grad = unwrap(Optimizer.zero_grad)
    state_dict = unwrap(Optimizer.state_dict)
    load_state_dict = unwrap(Optimizer.load_state_dict)
    step = torch.no_grad()(unwrap(torch.optim.AdamW.step))
