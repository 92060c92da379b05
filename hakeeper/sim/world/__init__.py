"""A deterministic world: nodes with the shipped loop and core, VRRP, FIFOs and a cloud, one seed.

It runs in virtual time, some tens of thousands of times faster than real time, breaks whatever can
break, and measures what that costs. Its parts emit what happens to an `Observer`; the rules that
must hold at every step are such observers, in tests/world.
"""
