"""Memory and compute cost of a run, estimated before its first step."""

TRAINING = 3
"""FLOPs of a training step in forward passes: one forward, two backward."""
