"""Real daemons under random faults, judged from outside.

Nothing here is shared with the simulated world: the API is of its own writing, roles come from a
script, and the judge sees only what the API has received and when. See docs/dev/evidence.md.
"""
