"""What training learns from: windows of latents, their order, and the batches of a step."""
