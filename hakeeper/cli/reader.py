"""Whoever reads our output: a terminal, a pipe."""

import errno
import os
import select
import sys


def gone() -> BrokenPipeError:
    """Return what to raise when nobody reads any more."""
    return BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))


def wait_for_reader_to_leave(timeout_s: float) -> None:
    """Wait so long; raises BrokenPipeError as soon as nobody reads, without writing anything."""
    poll = select.poll()
    poll.register(sys.stdout.fileno(), 0)
    if poll.poll(timeout_s * 1000.0):
        raise gone()
