"""A control socket that answers with a status of the test's making."""

import contextlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self

from hakeeper.adapters.status import document
from hakeeper.diagnosis.snapshot import Snapshot
from tests.adapters.test_status import WALL_S
from tests.support.control_loop import Loop


class StatusDaemon:
    """Answers with `status` while it is running."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "control.sock"
        self.status: Mapping[str, Any] = {}
        self.asked = 0

    @contextlib.contextmanager
    def running(self) -> Iterator[Self]:
        with contextlib.closing(Loop(str(self.path), self._answer)) as loop:
            loop.start()
            yield self

    def _answer(self, request: Mapping[str, object], user_id: int) -> Mapping[str, object]:
        del request, user_id
        self.asked += 1
        return self.status


def plain(taken: Snapshot, at_s: float = WALL_S) -> dict[str, Any]:
    """Return what the daemon would answer, as it arrives."""
    found: dict[str, Any] = json.loads(json.dumps(document(taken, at_s)))
    return {"version": "1", "started": "2026-11-28T20:00:00Z", "config": "/etc/h.yaml", **found}
