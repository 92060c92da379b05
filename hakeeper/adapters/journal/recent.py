"""The newest entries of the journal, in memory, for `hakeeper events`.

Whoever wants a live stream asks again and again for what is newer than what he has. So the daemon
knows no subscriber: one who is slow, stopped or dead costs nothing, and finds out from the numbers
what he has missed. The history would outlive the daemon, but leaves out the entries that no
operator needs; journald has them all, but may drop or rotate them, and not everybody may read it.
"""

import threading
import uuid
from collections import deque
from collections.abc import Mapping
from itertools import islice
from typing import Final

from hakeeper.adapters.control_commands import BadRequest
from hakeeper.adapters.journal.records import Record, document

EVENTS_PARAMETERS: Final = ("run", "after")
KEPT: Final = 500
"""So many are in memory; each has at most 16 KiB."""
MOST: Final = 50
"""So many are in one answer."""
_GREATEST: Final = 1 << 53
"""More than a run ever has."""


class Recent:
    """Keeps the newest entries, which are numbered from 1 on in each run of the daemon."""

    def __init__(self, limit: int = KEPT) -> None:
        """Begin without any."""
        self._run = uuid.uuid4().hex
        self._records: deque[Record] = deque(maxlen=limit)
        self._count = 0
        self._lock = threading.RLock()  # a finaliser may keep an entry while this thread counts

    def keep(self, record: Record) -> None:
        """Take an entry that holds no secret, from any thread."""
        with self._lock:
            self._records.append(record)
            self._count += 1

    def answer(self, request: Mapping[str, object], user_id: int) -> dict[str, object]:
        """Return what is newer than entry `after` of the run `run`; raises BadRequest.

        `missed`: so many before these are no longer there. `last`: the newest that there is. Of
        another run, or of none, all are newer.
        """
        del user_id
        run, after = request.get("run", ""), request.get("after", 0)
        if not isinstance(after, int) or isinstance(after, bool) or not 0 <= after <= _GREATEST:
            raise BadRequest("after is not the number of an entry")
        if not isinstance(run, str):
            raise BadRequest("run is not a text")
        with self._lock:
            first = self._count - len(self._records) + 1
            wanted = max(first, after + 1) if run == self._run else first
            found = tuple(islice(self._records, wanted - first, wanted - first + MOST))
            missed = max(0, first - after - 1) if run == self._run else first - 1
            return {
                "run": self._run,
                "last": self._count,
                "missed": missed,
                "events": [{"seq": wanted + at, **document(one)} for at, one in enumerate(found)],
            }
