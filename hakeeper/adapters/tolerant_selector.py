"""The selector of the daemon's loop: epoll, with a fallback for descriptors that it refuses.

The kernel may refuse to watch a descriptor (ENOMEM; ENOSPC, if the user watches too many). Such a
descriptor is polled: it is treated as ready a few times a second, until epoll accepts it.
"""

import contextlib
import selectors
from collections.abc import Callable
from typing import Any, Final, Protocol

UNWATCHED_S: Final = 0.25
"""The longest wait while a descriptor has to be polled."""


class Descriptor(Protocol):
    """Anything with a file descriptor, such as a socket."""

    def fileno(self) -> int:
        """Return the descriptor; -1 when it is closed."""


class TolerantSelector:
    """A selector whose `register` never fails.

    `on_refusal` is called with the kernel's error, once until everything is watched again. The
    constructor raises OSError without epoll.
    """

    def __init__(self, on_refusal: Callable[[OSError], None]) -> None:
        self._selector = selectors.DefaultSelector()
        self._on_refusal = on_refusal
        self._refused: dict[int, tuple[int, Any]] = {}

    def register(self, fileobj: int | Descriptor, events: int, data: Any) -> None:  # noqa: ANN401  # as selectors has it
        """Start to watch a descriptor; `select` returns `data` when it is ready."""
        try:
            self._selector.register(fileobj, events, data)
        except OSError as error:
            if not self._refused:
                self._on_refusal(error)
            self._refused[_number(fileobj)] = (events, data)

    def modify(self, fileobj: int | Descriptor, events: int, data: Any) -> None:  # noqa: ANN401  # as selectors has it
        """Wait for other events on the descriptor."""
        self.unregister(fileobj)
        self.register(fileobj, events, data)

    def unregister(self, fileobj: int | Descriptor) -> None:
        """Stop watching it; raises KeyError if it is not registered."""
        if self._refused.pop(_number(fileobj), None) is None:
            self._selector.unregister(fileobj)

    def select(self, timeout_s: float) -> list[Any]:
        """Wait until a descriptor is ready, and return the data of all that are."""
        for number, (events, data) in tuple(self._refused.items()):
            with contextlib.suppress(OSError):
                self._selector.register(number, events, data)
                del self._refused[number]
        if self._refused:
            timeout_s = min(timeout_s, UNWATCHED_S)
        ready = [key.data for key, _ in self._selector.select(timeout_s)]
        return [*ready, *(data for _, data in self._refused.values())]

    def close(self) -> None:
        """Close epoll's own descriptor."""
        self._selector.close()


def _number(fileobj: int | Descriptor) -> int:
    return fileobj if isinstance(fileobj, int) else fileobj.fileno()
