"""Recorded episodes: the value itself, its frames as video, and the webdataset shards."""
