"""Nano World Models as a reproducible pipeline: simulate, encode once, train, evaluate, plan."""
