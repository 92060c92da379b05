"""Adapters between the pure core and the outside: FIFO, keepalived, Hetzner, files, journal."""
