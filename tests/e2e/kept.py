"""What all tests of a file share because it takes long to boot."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

import pytest

Thing = TypeVar("Thing")


class Kept(Generic[Thing]):
    """It boots when the first test wants it; a failed test takes its own away with it."""

    def __init__(self, boot: Callable[[], contextlib.AbstractContextManager[Thing]]) -> None:
        self._boot = boot
        self._stack = contextlib.ExitStack()
        self._thing: Thing | None = None

    @contextlib.contextmanager
    def lent(self, request: pytest.FixtureRequest) -> Iterator[Thing]:
        """Give the one that is on, or a fresh one, to one test."""
        if self._thing is None:
            self._thing = self._stack.enter_context(self._boot())
        failures = request.session.testsfailed
        yield self._thing
        if request.session.testsfailed > failures:
            self.close()

    def close(self) -> None:
        """Switch it off; the next test gets a fresh one."""
        self._thing = None
        self._stack.close()
