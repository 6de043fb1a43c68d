"""Latents: their spec, storage, statistics and health, the cache and its windows."""
