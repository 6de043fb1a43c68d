"""Training of state models, in place of a denoiser, where the latents are state vectors."""
