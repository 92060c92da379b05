"""What is made of many parts that must all end, even if making them fails half-way."""

import contextlib
from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self


class Assembly(ABC):
    """A context manager; leaving it ends all that was put on its stack while it was built."""

    def __init__(self) -> None:
        self._stack = contextlib.ExitStack()

    @abstractmethod
    def _build(self) -> None:
        """Make the parts."""

    def __enter__(self) -> Self:
        try:
            self._build()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()
