"""Compare this implementation with golden files, which hold outputs of the reference.

The arrays of `cem.npz` are checked by `checks/cem.py`: its `check(arrays, folder)` runs the code of
the pipeline itself, and yields a Check for each array. Golden files of encoders lie in a folder for
each network, `cases.safetensors` beside its weights.
"""
