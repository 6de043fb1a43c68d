"""LeRobot data sets v2.0, v2.1 and v3.0.

`info` parses meta/info.json, `v2` and `v3` list the episodes of a folder, `tables` and `clips` read
an episode's rows and frames, `source` puts them together, `write` writes v2.1.
"""
