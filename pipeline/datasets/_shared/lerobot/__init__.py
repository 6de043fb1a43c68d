"""LeRobot data sets v2.0, v2.1 and v3.0.

`info` reads what all versions share, `v2` and `v3` list the episodes of a folder, `tables` and
`clips` read an episode's rows and frames; `library` lists and reads rows by the lerobot library,
where it is chosen. `source` puts them together, `write` writes v2.1.
"""
