"""Long rollouts in a sliding window, streamed to videos and scored by how far they go."""
