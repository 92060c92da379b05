"""Worlds of many seeds: the rules that judge them, that these would tell, and nothing left out.

`python -m tests.world` runs many; the worlds themselves are `hakeeper.simulate`.
"""
