"""One module a golden file, by its name: `check(arrays, folder)` yields a Check for each array."""
