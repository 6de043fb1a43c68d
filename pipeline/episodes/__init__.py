"""Episodes as they were recorded, and the shards that hold them."""
