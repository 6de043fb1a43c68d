"""`wm play`: a person drives a world model in a browser, beside the simulator."""

MOST_STEPS = 50
"""Denoising steps of a frame that can be asked for; of a student those that it knows."""
