"""What there is to know of a kind of journal entry."""

import enum
from dataclasses import dataclass
from typing import Final


class Level(enum.IntEnum):
    """syslog(3) priorities."""

    CRITICAL = 2
    ERROR = 3
    WARNING = 4
    NOTICE = 5
    INFO = 6
    DEBUG = 7


WHO: Final = ("user", "user_id")
"""The fields of what an operator did: who it was."""


@dataclass(frozen=True, slots=True)
class EventKind:
    """One kind of entry; `message_id` is a 128-bit id in hex."""

    level: Level
    message_id: str
    meaning: str
    """What happened, in a line: the subject of its entry in systemd/hakeeper.catalog."""
    always: tuple[str, ...] = ()
    """The fields that every such entry has, without HAKEEPER_ and EVENT; catalogs may use them."""
    sometimes: tuple[str, ...] = ()
    """The fields that it may have too; no others."""
    operator: bool = False
    """One to know: an address moved, or something waits for a person."""
