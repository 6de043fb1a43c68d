"""`wm metrics` and `wm plot-metrics`: scores of finished videos. Tools, no stages."""
