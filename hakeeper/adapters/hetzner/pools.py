"""The pools of all APIs in use, as one: each call goes to the API that its request belongs to.

Each API has workers and connections of its own, so that one that hangs delays nothing of another.
"""

import threading
import time
from collections.abc import Callable, Mapping

from hakeeper.adapters.hetzner.pool import HetznerPool
from hakeeper.core.events import StartCall
from hakeeper.core.kind import api_name_of
from hakeeper.kinds import KINDS


class Pools:
    """The pool of each API in use. Call ids are unique over all of them."""

    def __init__(
        self,
        pools: Mapping[str, HetznerPool],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take them by the names of the APIs."""
        self.by_api = dict(pools)
        self._clock = clock

    def start(self, call: StartCall, decided_at_s: float) -> None:
        """Queue a call; see HetznerPool."""
        self.by_api[api_name_of(call.request, KINDS)].start(call, decided_at_s)

    def cancel(self, call_id: int) -> None:
        """End a call of which no byte was sent, whichever API it is for."""
        for pool in self.by_api.values():
            pool.cancel(call_id)

    def let_leave(self, limit_s: float) -> None:
        """Wait until the urgent calls of all of them have been sent, but not longer than this."""
        until_s = self._clock() + limit_s
        for pool in self.by_api.values():
            pool.let_leave(max(0.0, until_s - self._clock()))

    def reload_secret(self, api: str) -> None:
        """Have this API's secret read again before the next call; it may be out of use by now."""
        if api in self.by_api:
            self.by_api[api].reload_secret()

    def close(self) -> None:
        """End every call, send nothing more, and stop all threads; takes under a second."""
        closing = [threading.Thread(target=pool.close) for pool in self.by_api.values()]
        for thread in closing:
            thread.start()
        for thread in closing:
            thread.join()
