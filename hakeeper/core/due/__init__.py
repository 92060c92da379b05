"""How things stand, and so which calls are due: steps, reads, looks."""
