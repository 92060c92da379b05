"""Somebody outside who asks for a page at the floating IP: now and then, or on and on."""

import contextlib
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hakeeper.demo.lab import wait_until
from hakeeper.demo.lab.process import LabProcess
from tests.e2e.machine import PATIENCE_S
from tests.e2e.pair import FLOATING_IP, Pair
from tests.outage import visitor


class Visitor:
    """Somebody outside: packets to the address go to whoever holds it at Hetzner."""

    def __init__(self, pair: Pair, command: str) -> None:
        self._pair = pair
        self._argv = [*command.split(), "--silent", "--max-time", "2"]

    def ask(self) -> str:
        """What the address answers now; empty if it does not."""
        holder = self._pair.holder()
        if holder is None:
            return ""
        via = self._pair.machine(holder).public_ip
        subprocess.run(["ip", "route", "replace", FLOATING_IP, "via", via], check=True)
        done = subprocess.run(self._argv, capture_output=True, text=True, check=False)
        return done.stdout.strip()

    def wait_for(self, text: str) -> None:
        """Ask until that is the answer."""
        wait_until(
            lambda: self.ask() == text,
            timeout_s=2 * PATIENCE_S,
            what=lambda: f"{text!r}, and not {self.ask()!r}\n{self._pair.report()}",
        )


@dataclass(frozen=True, slots=True)
class Visits:
    """A visitor at work; `seen` once it was ended."""

    process: LabProcess

    def end(self) -> dict[str, Any]:
        """Let it ask no more, and return what it saw; see `tests/outage/visitor.py`."""
        self.process.signal(signal.SIGTERM)
        self.process.wait(PATIENCE_S)
        seen: dict[str, Any] = json.loads(self.process.log_text())
        return seen


@contextlib.contextmanager
def visiting(pair: Pair, folder: Path) -> Iterator[Visits]:
    """Ask on and on, wherever the packets go by what the cloud says."""
    with _routes_follow(pair), contextlib.ExitStack() as stack:
        argv = [sys.executable, str(Path(visitor.__file__)), FLOATING_IP]
        process = LabProcess("visitor", argv, log_path=folder / "visitor.log")
        stack.callback(process.close)
        yield Visits(process)


@contextlib.contextmanager
def _routes_follow(pair: Pair) -> Iterator[None]:
    """Route the address to whichever machine has it, as soon as it moves."""
    stop, arrived = threading.Event(), threading.Event()

    def follow() -> None:
        version, last = -1, None
        while not stop.is_set():
            version = pair.cloud.call("wait", after_version=version, timeout_s=0.5)
            holder = pair.holder()
            if holder not in (None, last):
                via = pair.machine(str(holder)).public_ip
                subprocess.run(["ip", "route", "replace", FLOATING_IP, "via", via], check=True)
                last = holder
                arrived.set()

    thread = threading.Thread(target=follow, name="routes")
    thread.start()
    try:
        wait_until(arrived.is_set, timeout_s=PATIENCE_S, what="a way to the address")
        yield
    finally:
        stop.set()
        thread.join()
