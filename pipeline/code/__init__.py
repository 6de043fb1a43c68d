"""The first stage: which files of this package each stage runs, so that DVC follows these."""
