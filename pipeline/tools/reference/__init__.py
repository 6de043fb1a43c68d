"""Exchange with the reference implementation: its checkpoints in, ours out under its key names."""
