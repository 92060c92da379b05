"""How soon and how often: pauses that grow, token buckets, the bounds of a split brain."""
