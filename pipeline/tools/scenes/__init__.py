"""Scenes in 3-D: frames with cameras, to other tools and to clouds of points."""
