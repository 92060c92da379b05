"""Worlds of many seeds: that they hold, that they would tell, and that nothing is left out."""
