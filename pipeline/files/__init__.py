"""Reading files back, whoever wrote them: sizes are bounded first, and each fault is one line."""
