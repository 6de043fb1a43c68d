"""`wm check`: refuse before the first stage what a later one would."""
