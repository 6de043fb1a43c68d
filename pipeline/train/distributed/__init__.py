"""Training in several processes: how they start, what they share, and how they end."""
