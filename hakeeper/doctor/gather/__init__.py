"""Gathering facts. Nothing here changes the system, and every wait has a limit."""
