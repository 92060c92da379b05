"""One resource, and the claim that makes us its holder: its stages, their table, its rules."""
