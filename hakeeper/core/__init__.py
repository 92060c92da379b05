"""The pure core: events in, effects out; no clock, no I/O, no randomness of its own.

Its rooms, and what to read first: docs/dev/design.md.
"""
