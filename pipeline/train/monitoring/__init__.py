"""Monitoring of a run: training curve, throughput, validation, experiment trackers."""
