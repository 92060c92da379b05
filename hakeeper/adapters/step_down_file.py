"""The files of a step-down: what keepalived reads, and what keeps it over a restart of hakeeper.

A step-down ends with the machine: after a boot keepalived has its own priority. So the file has
times of the clock that begins with the boot, and names the boot.
"""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from hakeeper.adapters.kept_file import UnusableFileError, read_kept, seconds, user_id
from hakeeper.adapters.replaced_file import replace_file
from hakeeper.adapters.timed_request import LONGEST_S, REASON_LIMIT, USER_LIMIT, checked_text
from hakeeper.adapters.track_file import LOWERED, NORMAL, TrackFile
from hakeeper.core.model import StepDown, VrrpId, VrrpKind

VERSION: Final = 1
LIMIT_BYTES: Final = 1 << 20


class StepDownFile:
    """The file at `path`, mode 0600, beside keepalived's track file.

    `on_trouble` is called with a word (`unreadable`, `unwritable`, `track_file`) and the reason.
    """

    def __init__(
        self,
        path: Path,
        track_file: TrackFile,
        boot_id: str,
        on_trouble: Callable[[str, str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path = path
        self._track_file = track_file
        self._boot_id = boot_id
        self._on_trouble = on_trouble
        self._clock = clock
        self._wanted = NORMAL
        self._is_late = False
        self.trouble = ""
        """Why a file is not what the last `save` was to make it; empty if both are."""

    def load(self) -> StepDown | None:
        """Read the file, and have keepalived read the same; never raises. It may be over."""
        found = self._load()
        self._track(NORMAL if found is None else LOWERED)
        return found

    def save(self, step_down: StepDown | None) -> None:
        """Write both; never raises, but see `trouble`."""
        self.trouble = ""
        try:
            if step_down is None:
                self._path.unlink(missing_ok=True)
            else:
                replace_file(self._path, json.dumps(self._encode(step_down), indent=1).encode())
        except OSError as error:
            what = "the step-down is over, but a restart of hakeeper may begin it again"
            if step_down is not None:
                what = "the step-down is not saved, and ends with a restart of hakeeper"
            self._fail("unwritable", f"{what}: {error}")
        self._track(NORMAL if step_down is None else LOWERED)

    def look(self) -> None:
        """Write the track file again if that failed."""
        if self._is_late:
            self._track(self._wanted)

    def _track(self, value: int) -> None:
        reported, self._is_late, self._wanted = self._is_late, False, value
        try:
            self._track_file.write(value)
        except OSError as error:
            if value == NORMAL and isinstance(error, FileNotFoundError):
                return  # keepalived has its own priority then
            self._is_late = True
            if not reported:
                self._fail("track_file", f"keepalived keeps the priority that it has: {error}")

    def _fail(self, word: str, text: str) -> None:
        self.trouble = text
        self._on_trouble(word, text)

    def _load(self) -> StepDown | None:
        try:
            return read_kept(self._path, LIMIT_BYTES, lambda data: self._decode(json.loads(data)))
        except UnusableFileError as error:
            self._on_trouble("unreadable", f"{error}: starting without a step-down")
            return None

    def _encode(self, step_down: StepDown) -> dict[str, object]:
        return {
            "version": VERSION,
            "boot": self._boot_id,
            "by": step_down.by,
            "user_id": step_down.user_id,
            "reason": step_down.reason,
            "since_s": step_down.since_s,
            "until_s": step_down.until_s,
            "vrrps": [[vrrp.kind.value, vrrp.name] for vrrp in step_down.vrrps],
            "yielded_s": step_down.yielded_s,
            "claimed_s": step_down.claimed_s,
            "back_s": step_down.back_s,
        }

    def _decode(self, document: Any) -> StepDown | None:  # noqa: ANN401  # whatever the file has
        if document["version"] != VERSION:
            raise ValueError("another version")
        if document["boot"] != self._boot_id:
            return None
        since_s, until_s = seconds(document["since_s"]), seconds(document["until_s"])
        return StepDown(
            by=checked_text(document["by"], USER_LIMIT, "user"),
            user_id=user_id(document["user_id"]),
            reason=checked_text(document["reason"], REASON_LIMIT, "reason"),
            since_s=since_s,
            until_s=min(until_s, self._clock() + LONGEST_S),
            vrrps=tuple(VrrpId(VrrpKind(kind), str(name)) for kind, name in document["vrrps"]),
            yielded_s=_optional(document["yielded_s"]),
            claimed_s=_optional(document["claimed_s"]),
            back_s=_optional(document["back_s"]),
        )


def _optional(value: object) -> float | None:
    return None if value is None else seconds(value)
