"""Asks an API one thing after the other, as the daemon asks it, with a pool of one worker."""

import contextlib
import queue
from collections.abc import Callable, Iterator
from typing import Final, TypeAlias

from hakeeper.adapters.hetzner import HetznerOptions, HetznerPool
from hakeeper.adapters.hetzner.session import SessionMaker
from hakeeper.core.calls import CallResult, Request
from hakeeper.core.events import StartCall

Ask: TypeAlias = Callable[[Request], CallResult]

_GRACE_S: Final = 2.0
"""The pool ends each call at its deadline; if it takes longer than this, that is our bug."""


@contextlib.contextmanager
def asker(
    *,
    options: HetznerOptions,
    sessions: SessionMaker,
    read_secret: Callable[[], str],
    redact: Callable[[str], str],
    timeout_s: float,
    noun: str,
) -> Iterator[Ask]:
    """Return what sends a request and waits for its result, until the block ends.

    Raises what the pool raises for an unusable secret or CA file.
    """
    results: queue.SimpleQueue[CallResult] = queue.SimpleQueue()
    pool = HetznerPool(
        options,
        sessions,
        read_secret=read_secret,
        redact=redact,
        deliver=results.put,
        workers=1,
        noun=noun,
    )

    def ask(request: Request) -> CallResult:
        pool.start(StartCall(call_id=1, request=request, timeout_s=timeout_s, urgent=True))
        return results.get(timeout=timeout_s + _GRACE_S)

    with contextlib.closing(pool):
        yield ask
