"""What the daemon's loop waits on: epoll, and a look at every turn for what epoll will not take.

The kernel may refuse to watch a descriptor (ENOMEM; ENOSPC, where the user watches too many). Then
it is served as if it were ready, a few times a second, until epoll takes it: late, but served.
"""

import contextlib
import selectors
from collections.abc import Callable
from typing import Any, Final, Protocol

UNWATCHED_S: Final = 0.25
"""Between two turns while something is not watched."""


class Descriptor(Protocol):
    """What has a descriptor, such as a socket."""

    def fileno(self) -> int:
        """Return it; -1 when it is closed."""


class Waiting:
    """Like a selector, but `register` never fails.

    `on_refusal` hears why the kernel refused, once until all is watched again. OSError at
    construction: no epoll to be had.
    """

    def __init__(self, on_refusal: Callable[[OSError], None]) -> None:
        self._selector = selectors.DefaultSelector()
        self._on_refusal = on_refusal
        self._refused: dict[int, tuple[int, Any]] = {}

    def register(self, fileobj: int | Descriptor, events: int, data: Any) -> None:  # noqa: ANN401  # as selectors has it
        """Serve this from now on; `data` comes back from `select`."""
        try:
            self._selector.register(fileobj, events, data)
        except OSError as error:
            if not self._refused:
                self._on_refusal(error)
            self._refused[_number(fileobj)] = (events, data)

    def modify(self, fileobj: int | Descriptor, events: int, data: Any) -> None:  # noqa: ANN401  # as selectors has it
        """Wait for something else with it."""
        self.unregister(fileobj)
        self.register(fileobj, events, data)

    def unregister(self, fileobj: int | Descriptor) -> None:
        """Serve it no more; KeyError if it is not served."""
        if self._refused.pop(_number(fileobj), None) is None:
            self._selector.unregister(fileobj)

    def select(self, timeout_s: float) -> list[Any]:
        """Wait until something is ready, and return the data of all that is."""
        for number, (events, data) in tuple(self._refused.items()):
            with contextlib.suppress(OSError):
                self._selector.register(number, events, data)
                del self._refused[number]
        if self._refused:
            timeout_s = min(timeout_s, UNWATCHED_S)
        ready = [key.data for key, _ in self._selector.select(timeout_s)]
        return [*ready, *(data for _, data in self._refused.values())]

    def close(self) -> None:
        """Give epoll's own descriptor back."""
        self._selector.close()


def _number(fileobj: int | Descriptor) -> int:
    return fileobj if isinstance(fileobj, int) else fileobj.fileno()
