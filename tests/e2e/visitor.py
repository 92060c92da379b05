"""Somebody outside who makes a hundred requests a second at the floating IP, wherever it leads."""

import contextlib
import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from hakeeper.demo.lab.process import LabProcess
from tests.e2e.machine import PATIENCE_S
from tests.e2e.pair import FLOATING_IP, Pair

_PROGRAM = Path(__file__).parents[1] / "outage/visitor.py"
_CALM_S = 1.0
"""So long the visitor is served after the last thing has happened."""


class Visitor:
    """A context manager; afterwards it knows what the visitor saw."""

    def __init__(self, pair: Pair, folder: Path) -> None:
        self._pair = pair
        self._log = folder / f"visitor-{time.monotonic_ns()}.log"
        self._stack = contextlib.ExitStack()
        self.asked = 0
        self.lost: list[tuple[float, str]] = []
        """When, and why, for each request that no server has answered."""

    def __enter__(self) -> Self:
        """Begin, with the address led to its holder."""
        self._stack.enter_context(_routes_follow(self._pair))
        argv = [sys.executable, str(_PROGRAM), FLOATING_IP]
        self._process = LabProcess("visitor", argv, log_path=self._log)
        self._stack.callback(self._process.close)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """End it and read what it saw, unless the test has failed anyway."""
        with self._stack:
            if kind is None:
                time.sleep(_CALM_S)  # the measure of calm, no wait for anything
                self._process.signal(signal.SIGTERM)
                self._process.wait(PATIENCE_S)
                seen = json.loads(self._log.read_text())
                self.asked, self.lost = seen["asked"], seen["lost"]


@contextlib.contextmanager
def _routes_follow(pair: Pair) -> Iterator[None]:
    """Lead the address, from the test's network, to whichever machine the cloud says has it."""
    stop = threading.Event()

    def lead(holder: str) -> None:
        via = pair.machine(holder).public_ip
        subprocess.run(["ip", "route", "replace", FLOATING_IP, "via", via], check=True)

    def follow(last: str) -> None:
        version = -1
        while not stop.is_set():
            version = pair.cloud.call("wait", after_version=version, timeout_s=0.5)
            holder = pair.holder()
            if holder not in {None, last}:
                last = str(holder)
                lead(last)

    first = pair.holder()
    assert first is not None, "somebody has the address"
    lead(first)
    thread = threading.Thread(target=follow, args=(first,), name="routes")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
