"""How latents are noised: how much of it at each level, and which level each frame gets."""
