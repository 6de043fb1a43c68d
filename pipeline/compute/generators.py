"""Generators of random numbers that are independent of each other."""

import numpy as np
import torch


def seeded(*entropy: int) -> torch.Generator:
    """A generator for these numbers, each at least 0; other numbers give unrelated draws."""
    state = np.random.SeedSequence(entropy).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(state >> np.uint64(1)))
