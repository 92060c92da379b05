"""Both ends: a server behind the gateways that sends, and somebody in the internet who answers."""

import contextlib
import itertools
import json
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

from hakeeper.demo.lab import wait_until
from hakeeper.demo.lab.netns import Namespace
from hakeeper.demo.lab.process import LabProcess

PATIENCE_S = 60.0
_HERE = Path(__file__).parent
_ROOT = _HERE.parents[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """What the server behind saw of a failover."""

    sources: tuple[str, str]
    """Its address as the internet saw it, at the beginning and at the end."""
    outage_s: float
    """From the last answered packet before the failure to the first one after it."""
    resumed_s: float
    """When that first one was sent, by `time.monotonic()`."""
    lost: int
    connection: tuple[str, str]
    """The source of the connection that was open, and how it ended."""


class Sender:
    """The program on the server behind."""

    def __init__(
        self, namespace: Namespace, folder: Path, stack: contextlib.ExitStack, server: str
    ) -> None:
        self._result = folder / "client.json"
        log = folder / "client.log"
        log.unlink(missing_ok=True)
        self._process = LabProcess(
            "client",
            [sys.executable, str(_HERE / "client.py"), server, str(self._result)],
            log_path=log,
            namespace=namespace,
        )
        stack.callback(self._process.close)

    def wait_steady(self, public_ip: str) -> None:
        """Wait until its packets have gone well through the gateway with this address for 1 s."""
        self._wait(f"steady {public_ip}\n")

    def wait_ended(self) -> None:
        """Wait until the open connection has ended."""
        self._wait("ended ")

    def _wait(self, line: str) -> None:
        wait_until(
            lambda: line in self._process.log_text(),
            timeout_s=PATIENCE_S,
            what=lambda: f"{line!r} after: {self._process.log_text()}",
        )

    def outage(self, failed_s: float) -> Outage:
        """End it, and return what it saw of a failure at this monotonic time."""
        self._process.signal(signal.SIGTERM)
        self._process.wait(PATIENCE_S)
        seen = json.loads(self._result.read_text())
        answered = [(sent_s, source) for sent_s, source in seen["probes"] if source]
        before = [each for each in answered if each[0] < failed_s]
        after = [each for each in answered if each[0] >= failed_s]
        # Some may still get through after the failure: the gap counts, wherever it begins.
        times = [sent_s for sent_s, _ in (before[-1], *after)]
        outage_s, resumed_s = max((late - early, late) for early, late in itertools.pairwise(times))
        connection = seen["connection"]
        return Outage(
            sources=(before[0][1], after[-1][1]),
            outage_s=outage_s,
            resumed_s=resumed_s,
            lost=sum(not source for sent_s, source in seen["probes"] if sent_s < times[-1]),
            connection=(connection["source"], connection["ended"]),
        )


def serve(namespace: Namespace, folder: Path, stack: contextlib.ExitStack, address: str) -> None:
    """Have somebody answer at an address, until the stack ends."""
    server = LabProcess(
        "internet: server",
        [sys.executable, "-m", "tests.nat_gateway.server", address],
        log_path=folder / "server.log",
        environment={"PYTHONPATH": str(_ROOT)},
        namespace=namespace,
    )
    stack.callback(server.close)
    wait_until(lambda: "up" in server.log_text(), timeout_s=PATIENCE_S, what="the server")
