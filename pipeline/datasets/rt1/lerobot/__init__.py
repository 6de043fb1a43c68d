"""LeRobot data sets v2.0, v2.1 and v3.0.

`info` parses meta/info.json, `cameras` says which of its cameras record colour. `v2` and `v3` list
the episodes of a folder as `entries`, and `locate` finds their files. `rows` and `tables` read an
episode's rows, `clips`, `headers` and `images` its frames; `source` puts them together, `write`
writes v2.1.
"""
