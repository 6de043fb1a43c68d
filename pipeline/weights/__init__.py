"""Files of weights: found, checked, read without executing anything, fitted into a network."""
