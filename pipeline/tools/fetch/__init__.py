"""`wm fetch`: the published data sets, from where they are published. A tool, no stage."""
