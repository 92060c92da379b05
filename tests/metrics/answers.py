"""Answers of a daemon to `counts`, as they arrive."""

import json
from typing import Any

from hakeeper.adapters.counts import Counts
from hakeeper.diagnosis.snapshot import Snapshot
from tests.adapters.test_status import picture, troubled
from tests.support.status_daemon import plain


def answer(counts: Counts | None = None, taken: Snapshot | None = None) -> dict[str, Any]:
    """Return the counts with the status of a node, by default one in trouble."""
    found: dict[str, Any] = {
        "status": plain(taken or picture(troubled())),
        "counts": {
            **(counts or Counts()).document(),
            "fifo": {"accepted": 0, "rejected": 0, "overflows": 0},
            "journal_dropped": 0,
        },
    }
    return dict(json.loads(json.dumps(found)))
