"""Code that several worlds share."""
