"""A list of many pages: the first one says how many there are, the others are read side by side.

At 0.6 s a page, 500 resources would never be listed within the 5 s of a call one after the
other. It stays one call, with one deadline and one result.
"""

from collections import deque
from dataclasses import dataclass
from typing import Final

from hakeeper.core.observation import Reading

PAGES_AT_ONCE: Final = 4
"""The other workers are left to claims and reads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page, as it was read."""

    number: int
    reading: Reading
    following: int | None
    """The number of the page after it; None: it is the last."""
    last: int | None
    """The number of the last page, where the API says it."""


class Listing:
    """The pages of one list, of which the first is being read."""

    def __init__(self) -> None:
        self._pages: dict[int, Page] = {}
        self._todo: deque[int] = deque()
        self._open = {1}
        self._final = 1
        """The highest page that is known to exist; it must say that it is the last."""

    def take(self, page: Page) -> None:
        """Take in a page, which may tell of more."""
        self._open.discard(page.number)
        self._pages[page.number] = page
        if page.number == self._final and page.following is not None:
            self._final = max(page.following, page.last or 0)
            self._todo.extend(range(page.following, self._final + 1))

    def due(self) -> list[int]:
        """Return the pages to read now; whoever asks reads them."""
        count = min(len(self._todo), PAGES_AT_ONCE - len(self._open))
        numbers = [self._todo.popleft() for _ in range(count)]
        self._open.update(numbers)
        return numbers

    def whole(self) -> Reading | None:
        """Return the whole list; None while pages are missing.

        The list may change between two pages: what comes twice counts once, as last seen.
        """
        if self._open or self._todo:
            return None
        pages = [self._pages[number] for number in sorted(self._pages)]
        found = {each.id: each for page in pages for each in page.reading.found}
        unreadable = tuple(each for page in pages for each in page.reading.unreadable)
        return Reading(tuple(found.values()), unreadable)
