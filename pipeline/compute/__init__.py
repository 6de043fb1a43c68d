"""Devices, precision, compilation, prefetching and parallel processes."""
