"""`wm preflight`: what a run needs, and a small run of its stages: what that verified."""
