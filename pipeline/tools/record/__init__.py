"""`wm record`: the episodes of a Gymnasium environment as a data set."""
