"""What an operator's own fleet would do in the simulated world: times, moves, calls per hour.

`hakeeper simulate` shows it. The nodes are those of `hakeeper.sim.world`: shipped core and loop.
"""
