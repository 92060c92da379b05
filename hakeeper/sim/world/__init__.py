"""A deterministic world: nodes with the shipped loop and core, VRRP, FIFOs and a cloud, one seed.

It runs in virtual time, some tens of thousands of times faster than real time, breaks whatever can
break, and checks at every step what must never be. `python -m hakeeper.sim.world` runs many.
"""
