"""Nano World Models as a reproducible pipeline: simulate, encode once, train, evaluate, plan."""

__version__ = "0.1.0"
