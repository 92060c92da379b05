"""The pause file: keeps a pause over a restart of hakeeper, and of the machine.

It stands apart from the state file, which counts only for one run of keepalived. A pause is seldom,
and nothing is claimed while it lasts: so it is synced to the disk, and survives a power cut.

The core's clock ends with the machine, so the file has times of day. A clock that was set back must
not prolong a pause: at most its whole duration is left of it.
"""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from hakeeper.adapters.kept_file import UnusableFileError, read_kept, seconds, user_id
from hakeeper.adapters.replaced_file import replace_file
from hakeeper.adapters.timed_request import LONGEST_S, REASON_LIMIT, USER_LIMIT, checked_text
from hakeeper.core.model import Pause

VERSION: Final = 1
LIMIT_BYTES: Final = 1 << 16
ROUNDING_S: Final = 1e-3
"""What the way over another clock may add to a duration."""
LATEST: Final = 1e11
"""In seconds since 1970; later years have no place in a date."""


class PauseFile:
    """The file at `path`, mode 0600; its directory must exist.

    `on_trouble` is called with a word (`unreadable`, `unwritable`) and the reason when it cannot be
    read or written. `wall` returns seconds since 1970, `clock` monotonic seconds.
    """

    def __init__(
        self,
        path: Path,
        on_trouble: Callable[[str, str], None],
        wall: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path = path
        self._on_trouble = on_trouble
        self._wall = wall
        self._clock = clock
        self.trouble = ""
        """Why the file is not what the last `save` was to make it; empty if it is."""

    def load(self) -> Pause | None:
        """Read the file; never raises. The pause that is returned may be over."""
        try:
            return read_kept(self._path, LIMIT_BYTES, lambda data: self._decode(json.loads(data)))
        except UnusableFileError as error:
            self._on_trouble("unreadable", f"{error}: starting without a pause")
            return None

    def save(self, pause: Pause | None) -> None:
        """Write the pause down, or remove the file; never raises, but see `trouble`."""
        self.trouble = ""
        try:
            if pause is None:
                self._path.unlink(missing_ok=True)
            else:
                replace_file(self._path, self._encode(pause), synced=True)
        except OSError as error:
            what = "the pause is over, but a restart may begin it again"
            if pause is not None:
                what = "the pause is not saved, and ends with a restart of hakeeper"
            self.trouble = f"{what}: {error}"
            self._on_trouble("unwritable", self.trouble)

    def _encode(self, pause: Pause) -> bytes:
        ahead_s = self._wall() - self._clock()
        document = {
            "version": VERSION,
            "by": pause.by,
            "user_id": pause.user_id,
            "reason": pause.reason,
            "since": pause.since_s + ahead_s,
            "until": pause.until_s + ahead_s,
        }
        return json.dumps(document, indent=1).encode()

    def _decode(self, document: Any) -> Pause:  # noqa: ANN401  # whatever the file has
        if document["version"] != VERSION:
            raise ValueError("another version")
        since, until = (seconds(document[name], LATEST) for name in ("since", "until"))
        if not 0.0 < until - since <= LONGEST_S + ROUNDING_S:
            raise ValueError("no such pause was ever made")
        pause = Pause(
            by=checked_text(document["by"], USER_LIMIT, "user"),
            user_id=user_id(document["user_id"]),
            reason=checked_text(document["reason"], REASON_LIMIT, "reason"),
            since_s=since,
            until_s=until,
        )
        return pause.taken_up(self._wall(), self._clock())
