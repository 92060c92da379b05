"""What the daemon waits for: descriptors, and whose news each of them brings."""

import contextlib
import selectors

from hakeeper.adapters.tolerant_selector import TolerantSelector
from hakeeper.sequencer import Handler, Source


class Waiting:
    """Watches the descriptors of all sources over one selector."""

    def __init__(self, selector: TolerantSelector) -> None:
        self.selector = selector
        """For a source that registers its handlers itself: they count as the control socket's."""
        self._watched: dict[Source, tuple[int, ...]] = {}

    def watch(self, source: Source, descriptors: tuple[int, ...], handler: Handler) -> None:
        """Wait for these descriptors of the source, and no longer for its former ones.

        All are registered anew: a number may stand for another file by now.
        """
        for fd in self._watched.get(source, ()):
            with contextlib.suppress(KeyError):  # closed, and another file has its number since
                self.selector.unregister(fd)
        for fd in descriptors:
            self.selector.register(fd, selectors.EVENT_READ, (source, handler))
        self._watched[source] = descriptors

    def wait(self, timeout_s: float) -> None:
        """Wait until a descriptor is ready, or for this long."""
        self.selector.select(timeout_s)

    def ready(self) -> list[tuple[Source, Handler]]:
        """Return who is ready now, without waiting."""
        return [_ready(data) for data in self.selector.select(0.0)]

    def close(self) -> None:
        """Stop waiting."""
        self.selector.close()


def _ready(data: tuple[Source, Handler] | Handler) -> tuple[Source, Handler]:
    return data if isinstance(data, tuple) else (Source.CONTROL, data)
