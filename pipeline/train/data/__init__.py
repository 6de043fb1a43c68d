"""The data of training: the order of windows, and the batches of a step."""
