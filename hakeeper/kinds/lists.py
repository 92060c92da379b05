"""Lists of resources of which most may not be ours: one that is odd does not spoil the others."""

from collections.abc import Callable, Iterable

from hakeeper.core.kind import UnreadableAnswer
from hakeeper.core.observation import Observation, Reading, Unreadable


def read_each(
    entries: Iterable[object],
    read: Callable[[object], Observation],
    odd: Callable[[object, str], Unreadable],
    doubt: Callable[[object], str | None] = lambda _: None,
) -> Reading:
    """Read the entries of a list one by one.

    `odd` tells as much of an entry as can be told that cannot be read, and why. `doubt` says what
    else may be meant by one that can: it is told of as odd as well.
    """
    found: list[Observation] = []
    unreadable: list[Unreadable] = []
    for entry in entries:
        try:
            found.append(read(entry))
        except UnreadableAnswer as error:
            unreadable.append(odd(entry, str(error)))
        else:
            if (why := doubt(entry)) is not None:
                unreadable.append(odd(entry, why))
    return Reading(tuple(found), tuple(unreadable))
