"""This implementation against golden files: numbers that the reference implementation produced.

A file's name is a module's name: the arrays of `cem.npz` are checked by `checks/cem.py`,
whose `check(arrays, folder)` runs the code of the pipeline itself, and yields a Check for each.
Golden files of encoders stand in a folder for each network: `cases.safetensors` beside its weights.
"""
