"""What people are told of the core: the picture for `status`, its problems, what `explain` shows.

It reads the state of the core and decides nothing; the core knows nothing of it. Pure as well.
"""
