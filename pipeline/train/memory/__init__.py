"""Memory and compute cost of a run, estimated before its first step."""
