"""Latents: what they are, how they are stored, cached, windowed."""
