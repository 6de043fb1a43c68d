"""`wm reproduce`: train or download a run of the paper, and compare its scores with the paper."""
