"""The faults of a world: the kinds that there are, and what each does."""
