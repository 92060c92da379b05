"""hakeeper with a planted illness, which the soak must find.

`sick_hakeeper.py ILLNESS@NODE run -c FOLDER/hakeeper.yaml`: of the folders of the lab's nodes, only
NODE's has it; without a name, all of them.
"""

import itertools
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hakeeper.adapters.hetzner.pool import HetznerPool
from hakeeper.adapters.keepalived.bus import KeepalivedBus
from hakeeper.cli.main import main
from hakeeper.core.events import StartCall
from hakeeper.core.roles.lines import LineReader, LineState, NotifyLine

DEMOTIONS = (LineState.BACKUP, LineState.FAULT, LineState.STOP)
CALLS_IN_HEALTH = 4
_real_feed = LineReader.feed
_real_start: Callable[..., None] = HetznerPool.start


def hear_no_demotion() -> None:
    """Pass over every line that ends a term as MASTER, and do not ask either."""

    def feed(self: LineReader, data: bytes) -> list[Any]:
        return [
            line
            for line in _real_feed(self, data)
            if not (isinstance(line, NotifyLine) and line.state in DEMOTIONS)
        ]

    def ask_nothing(self: KeepalivedBus, query_id: int) -> None:
        del self, query_id

    LineReader.feed = feed  # type: ignore[method-assign]
    KeepalivedBus.query = ask_nothing  # type: ignore[method-assign]


def after_some_calls(illness: Callable[[], object]) -> None:
    """Have it break out at every API call but the first few."""
    calls = itertools.count()

    def start(self: HetznerPool, call: StartCall, decided_at_s: float = 0.0) -> None:
        if next(calls) >= CALLS_IN_HEALTH:
            illness()
        _real_start(self, call, decided_at_s)

    HetznerPool.start = start  # type: ignore[method-assign]


def drop_dead() -> None:
    os._exit(3)


def stumble() -> None:
    """Let a thread die with a traceback, which Python prints and nobody else notices."""
    threading.Thread(target=lambda: 1 / 0).start()


def leak() -> None:
    for _ in range(8):
        os.open(os.devnull, os.O_RDONLY)


ILLNESSES: dict[str, Callable[[], None]] = {
    "isolated": hear_no_demotion,
    "dead": lambda: after_some_calls(drop_dead),
    "stumbling": lambda: after_some_calls(stumble),
    "leaking": lambda: after_some_calls(leak),
}

if __name__ == "__main__":
    illness, _, node = sys.argv.pop(1).partition("@")
    if node in ("", Path(sys.argv[sys.argv.index("-c") + 1]).parent.name):
        ILLNESSES[illness]()
    sys.exit(main())
