"""Files of weights: resolved, verified, read without executing code, loaded into networks."""
