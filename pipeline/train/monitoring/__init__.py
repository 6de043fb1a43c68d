"""What is seen of a run while it goes on, and what is left of that."""
