"""A list of many pages: the first one says how many there are, the others are read side by side.

At 0.6 s a page, 500 resources would never be listed within the 5 s of a call one after the
other. It stays one call, with one deadline and one result. Some kinds need several lists at once.
"""

from collections import deque
from dataclasses import dataclass
from typing import Final

from hakeeper.core.calls import AllRead, ReadAll, Request
from hakeeper.core.kind import HttpRequest
from hakeeper.core.observation import Reading
from hakeeper.kinds import KINDS

PAGES_AT_ONCE: Final = 4
"""The other workers are left to claims and reads."""


@dataclass(frozen=True, slots=True)
class PageOf:
    """Which page of which of the lists, both counted: the first list is 0, its first page 1."""

    list: int
    number: int


FIRST_PAGE: Final = PageOf(0, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page, as it was read."""

    of: PageOf
    reading: Reading
    following: int | None
    """The number of the page after it; None: it is the last."""
    last: int | None
    """The number of the last page, where the API says it."""


class Listing:
    """The pages of the lists that answer a request, of which the very first is being read."""

    def __init__(self, request: Request) -> None:
        """Any other request than that for a list has none."""
        self.requests: tuple[HttpRequest, ...] = ()
        self._asked = request
        if isinstance(request, ReadAll):
            self.requests = KINDS[request.kind].list_requests(request.within)
        self._pages: dict[PageOf, Page] = {}
        self._todo = deque(PageOf(number, 1) for number in range(1, len(self.requests)))
        self._open = {FIRST_PAGE}
        self._final = [1] * len(self.requests)
        """Of each list, the highest page known to exist, which must say that it is the last."""

    def take(self, page: Page) -> None:
        """Take in a page, which may tell of more."""
        self._open.discard(page.of)
        self._pages[page.of] = page
        which = page.of.list
        if page.of.number == self._final[which] and page.following is not None:
            self._final[which] = max(page.following, page.last or 0)
            more = range(page.following, self._final[which] + 1)
            self._todo.extend(PageOf(which, number) for number in more)

    def due(self) -> list[PageOf]:
        """Return the pages to read now; whoever asks reads them."""
        count = min(len(self._todo), PAGES_AT_ONCE - len(self._open))
        pages = [self._todo.popleft() for _ in range(count)]
        self._open.update(pages)
        return pages

    def whole(self) -> AllRead | None:
        """Return the whole list; None while pages are missing.

        The list may change between two pages: what comes twice counts once, as last seen.
        """
        if self._open or self._todo or not isinstance(self._asked, ReadAll):
            return None
        in_order = sorted(self._pages, key=lambda of: (of.list, of.number))
        readings = [self._pages[of].reading for of in in_order]
        found = {each.id: each for reading in readings for each in reading.found}
        reading = Reading(
            tuple(found.values()),
            tuple(each for reading in readings for each in reading.unreadable),
            tuple(each for reading in readings for each in reading.parts),
        )
        asked = self._asked
        return AllRead(asked.kind, reading, asked.within, requests=len(self._pages))
