"""Import and export of checkpoints of the reference implementation."""
