"""What several worlds share."""
