"""What every part stands on: a simulated cloud over TLS, the way to it, and a warm hakeeper.

Cloud and relays are processes of their own, so none of them takes a turn from what is measured.
All times are CLOCK_MONOTONIC, which is one clock for all processes of a machine.
"""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import trustme

from hakeeper.demo.cloud import CloudClient, LoggedRequest
from hakeeper.demo.lab.waiting import wait_until
from tests.support.daemon_node import DaemonNode

LOOPBACK = "127.0.0.1"
PATIENCE_S = 60.0
"""Bounds a run in which something is broken; no figure."""
PLENTIFUL = 100_000_000
"""A quota that no part can use up."""
_KEPT = ("PATH", "PYTHONDONTWRITEBYTECODE")
_ROOT = Path(__file__).resolve().parents[2]
T = TypeVar("T")


class Unavailable(Exception):  # noqa: N818  # an answer more than an error
    """A part cannot be measured here: the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cloud:
    """The simulated cloud in a process of its own, over TLS."""

    front: CloudClient
    port: int
    ca_file: Path
    pid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Relay:
    """The way to the cloud: a port on loopback."""

    port: int
    rtt_ms: float
    pid: int

    @property
    def url(self) -> str:
        """The API's endpoint by this way."""
        return f"https://{LOOPBACK}:{self.port}/v1"


def progress(text: str) -> None:
    """Tell whoever waits."""
    sys.stderr.write(f"{text}\n")


def until(
    condition: Callable[[], T | None],
    what: str,
    *,
    poll_s: float = 0.005,
    timeout_s: float = PATIENCE_S,
) -> T:
    """Wait with the bench's patience until it is true, and return it; raises LabTimeoutError."""
    return wait_until(condition, timeout_s=timeout_s, what=what, poll_s=poll_s)


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    """Have a folder that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        yield Path(name)


def environment() -> dict[str, str]:
    """Return what our own helper processes need: where the modules are."""
    kept = {name: value for name, value in os.environ.items() if name in _KEPT}
    return {"PATH": os.defpath, **kept, "PYTHONPATH": str(_ROOT)}


@contextlib.contextmanager
def helper(argv: Sequence[str]) -> Iterator[tuple[dict[str, Any], "subprocess.Popen[bytes]"]]:
    """Run one of our modules until the block ends; yield the line of JSON that it began with.

    It ends when its standard input closes, so nothing is left behind by a bench that was killed.
    """
    with subprocess.Popen(
        [sys.executable, *argv],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment(),
        start_new_session=True,
    ) as process:
        try:
            assert process.stdout is not None
            said = process.stdout.readline()
            if not said:
                raise RuntimeError(f"{' '.join(argv)} ended at once")
            yield json.loads(said), process
        finally:
            process.communicate()


@contextlib.contextmanager
def cloud(
    place: Path,
    *,
    action_s: float = 0.0,
    limit_per_hour: int = PLENTIFUL,
    lock_servers: bool = False,
) -> Iterator[Cloud]:
    """Have a simulated cloud, empty; its certificate is for 127.0.0.1 and localhost."""
    place.mkdir(exist_ok=True)
    authority = trustme.CA()
    issued = authority.issue_cert(LOOPBACK, "localhost")
    ca_file, certificate, key = (place / name for name in ("ca.pem", "cert.pem", "key.pem"))
    authority.cert_pem.write_to_path(str(ca_file))
    for blob in issued.cert_chain_pems:
        blob.write_to_path(str(certificate), append=True)
    issued.private_key_pem.write_to_path(str(key))
    argv = ["-m", "hakeeper.demo.cloud", "--certfile", str(certificate), "--keyfile", str(key)]
    argv += ["--action-s", str(action_s), "--limit-per-hour", str(limit_per_hour)]
    argv += ["--lock-servers"] if lock_servers else []
    with helper([*argv, "--until-stdin-closes"]) as (said, process):
        yield Cloud(
            front=CloudClient(url=said["url"], control_url=said["control_url"]),
            port=urlsplit(said["url"]).port or 0,
            ca_file=ca_file,
            pid=process.pid,
        )


@contextlib.contextmanager
def relay(target: Cloud, rtt_ms: float) -> Iterator[Relay]:
    """Have a way to the cloud that is so long."""
    argv = ["-m", "tests.bench.relay", "--target-port", str(target.port), "--rtt-ms", str(rtt_ms)]
    with helper(argv) as (said, process):
        yield Relay(port=said["port"], rtt_ms=rtt_ms, pid=process.pid)


class Notify:
    """The writing end of a notify FIFO, open all the time, as keepalived has it."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_RDWR | os.O_NONBLOCK)  # as keepalived opens it

    def write(self, data: bytes) -> float:
        """Write at one blow; return the monotonic time right before it."""
        now = time.monotonic()
        if os.write(self._fd, data) != len(data):
            raise BlockingIOError("the FIFO is full")
        return now

    def role(self, state: str, name: str = "VI_1") -> float:
        """Write keepalived's line of a new role; return the monotonic time right before it."""
        return self.write(f'INSTANCE "{name}" {state} 100\n'.encode())

    def close(self) -> None:
        """Close it."""
        os.close(self._fd)


class Standby:
    """hakeeper in BACKUP on a relay, warm; `node` starts, ends and reads the daemon."""

    def __init__(
        self,
        place: Path,
        target: Cloud,
        way: Relay,
        instances: Mapping[str, Sequence[str]],
        *,
        name: str = "node-a",
        settings: Mapping[str, Mapping[str, object]] | None = None,
    ) -> None:
        """Write its configuration; `settings` are sections of it that go beyond the defaults."""
        self.name = name
        self.cloud = target.front
        self.node = DaemonNode(name, place / name, target.front)
        self.server = self.node.server
        given = {section: dict(keys) for section, keys in (settings or {}).items()}
        config = self.node.config
        config["instances"] = {
            vrrp: {"floating_ips": list(refs)} for vrrp, refs in instances.items()
        }
        config["hetzner"] = {
            "endpoint": way.url,
            "ca_file": str(target.ca_file),
            "token_file": str(self.node.token_file),
            **given.pop("hetzner", {}),
        }
        config["keepalived"].update(given.pop("keepalived", {}))
        config["reconcile"] = given.pop("reconcile", {})
        config.update(given)
        if not config["reconcile"]:
            del config["reconcile"]
        self.instances = tuple(instances)
        self.notify = Notify(self.node.fifo)

    @property
    def pid(self) -> int:
        """The daemon's."""
        return self.node.daemon.pid

    def start(self) -> None:
        """Start it, let it find its addresses, and say BACKUP for every instance."""
        self.node.start()
        for vrrp in self.instances:
            self.backup(vrrp)

    def backup(self, vrrp: str = "VI_1") -> None:
        """Say BACKUP, and wait until it is heard."""
        seen = self.node.mark()
        self.notify.role("BACKUP", vrrp)
        self.node.wait_log("role.changed", after=seen, role="BACKUP", instance=vrrp)

    def requests(self, after_seq: int = 0) -> list[LoggedRequest]:
        """Its requests, in the order in which the cloud received them."""
        return self.cloud.requests(client=self.name, after_seq=after_seq)

    def close(self) -> None:
        """End everything of it."""
        self.node.close()
        self.notify.close()


@contextlib.contextmanager
def standby(
    place: Path,
    target: Cloud,
    way: Relay,
    instances: Mapping[str, Sequence[str]],
    *,
    name: str = "node-a",
    settings: Mapping[str, Mapping[str, object]] | None = None,
) -> Iterator[Standby]:
    """Have a warm hakeeper in BACKUP."""
    made = Standby(place, target, way, instances, name=name, settings=settings)
    try:
        made.start()
        yield made
    finally:
        made.close()


def last_seq(front: CloudClient) -> int:
    """Return the number of the newest request; 0 if there was none."""
    return max((request.seq for request in front.requests()), default=0)


def wait_requests(
    front: CloudClient,
    client: str,
    after_seq: int,
    wanted: Callable[[LoggedRequest], bool],
) -> list[LoggedRequest]:
    """Wait for a request of a client; return all of this client's after `after_seq`, that included.

    The cloud itself wakes us, so nothing polls beside what is measured.
    """

    def found() -> list[LoggedRequest]:
        seen = front.requests(client=client, after_seq=after_seq)
        return seen if any(wanted(request) for request in seen) else []

    return front.wait_for(found, PATIENCE_S)
