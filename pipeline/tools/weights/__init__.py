"""`wm weights`: every file of weights that a metric or an encoder needs. A tool, no stage."""
