"""The paper's runs by name: train or fetch one, score it, and hold it against what is published."""
