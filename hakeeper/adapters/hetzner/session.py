"""The seam between what every API needs and what one API is: how requests become calls of it."""

from collections.abc import Callable
from typing import Protocol, TypeAlias

from hakeeper.adapters.hetzner.call_guard import CallGuard
from hakeeper.adapters.hetzner.listing import Page
from hakeeper.adapters.hetzner.transport import Transport
from hakeeper.core.calls import Answer


class Session(Protocol):
    """Speaks with one API over one worker's transport, with one secret."""

    def perform(self, guard: CallGuard) -> Answer | Page:
        """Carry out the request of a call; of a list, only the page that the guard is for.

        Raises errors of errors.py, and whatever an answer that nobody promised brings about.
        """


SessionMaker: TypeAlias = Callable[[str, Transport], Session]
"""Makes one of a secret, such as a token, to send through this transport; sends nothing yet."""
