"""What a run takes, found before its first step, and whether a device has it."""
