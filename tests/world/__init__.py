"""Worlds of many seeds: the rules that judge them, that these would tell, and nothing left out.

`PYTHONPATH=tests python -m world` runs many; the worlds themselves are `hakeeper.simulate`.
"""
