"""What the networks share: heads, and two trunks under them."""
