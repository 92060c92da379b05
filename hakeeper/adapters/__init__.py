"""Adapters between the pure core and the world: FIFO, keepalived, Hetzner, files, journal."""
