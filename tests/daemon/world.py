"""A simulated cloud and nodes on it; each node is a real daemon with a FIFO, a token and folders.

Every world ends with the same questions to the simulator's log: was anything written but assigns
to the own server, was an assign resent blindly, did the token get anywhere?
"""

import contextlib
import datetime as dt
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from hakeeper.core.reports import EVENTS
from hakeeper.demo.cloud import ON_LOOPBACK, CloudFront
from hakeeper.demo.lab.daemon import HAKEEPER, HakeeperProcess, LogEntry, event_of
from hakeeper.demo.lab.netns import Namespace
from tests.core.rules import fields_astray
from tests.daemon.keepalived import StandIn
from tests.daemon.rules import broken_rules
from tests.helpers import eventually

PATIENCE_S = 30.0
"""Bounds a failing test; no assertion."""
TIMEOUT_S = 2.0
"""The `timeout` of every node: short, so that hanging calls end soon."""
SECRET_PIECE = 32
"""Hetzner's 429 quotes this much of the token, so this much must not get out either."""


class Place(Namespace):
    """The namespace of the test itself, perhaps with a command before every command."""

    def __init__(self, prefix: Sequence[str] = ()) -> None:
        self.prefix = list(prefix)

    def inside(self, argv: list[str]) -> list[str]:
        return [*self.prefix, *argv]

    def close(self) -> None:
        pass


class Node:
    """One node: stand-in keepalived, FIFO, token, daemon."""

    def __init__(
        self,
        name: str,
        folder: Path,
        cloud: CloudFront,
        *,
        prefix: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        interval: str = "10s",
        standby_interval: str = "60s",
        credential: bool = False,
    ) -> None:
        folder.mkdir()
        self.name = name
        self.folder = folder
        self.cloud = cloud
        self.server = cloud.add_server(name, private_ips=ON_LOOPBACK)
        self.token = cloud.add_client(name)
        self.tokens = [self.token]
        self.fifo = folder / "notify.fifo"
        os.mkfifo(self.fifo, 0o600)
        self._fifo_fd: int | None = None
        self.keepalived = StandIn(folder / "keepalived")
        credentials = folder / "credentials"
        credentials.mkdir()
        from_file = not credential
        self.token_file = folder / "token" if from_file else credentials / "hcloud-token"
        self.write_token(self.token)
        self.config: dict[str, Any] = {
            "server": self.server,
            "instances": {"VI_1": {"floating_ips": ["web"]}},
            "keepalived": {
                "fifo": str(self.fifo),
                "pid_file": str(self.keepalived.pid_file),
                "state": "none",
            },
            "hetzner": {"endpoint": cloud.url, "timeout": f"{TIMEOUT_S:g}s"},
            "reconcile": {"interval": interval, "standby_interval": standby_interval},
        }
        if from_file:
            self.config["hetzner"]["token_file"] = str(self.token_file)
        self.daemon = HakeeperProcess(
            name,
            folder,
            namespace=Place(prefix),
            config=self.config,
            environment={"CREDENTIALS_DIRECTORY": str(credentials), **(environment or {})},
        )

    def write_token(self, token: str) -> None:
        """Put a token where the daemon reads it, readable for the owner alone."""
        with open(os.open(self.token_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as f:  # noqa: PTH123  # the mode counts
            f.write(token + "\n")
        if token not in self.tokens:
            self.tokens.append(token)

    def write_config(self) -> None:
        """Write `config` as it stands now."""
        self.daemon.write_config(self.config)

    @property
    def environment(self) -> dict[str, str]:
        """The environment of the daemon, for starting one by hand."""
        return dict(self.daemon._environment)

    def command_line(self, *, log: str = "json") -> list[str]:
        """Return how the daemon is started, for starting one by hand."""
        return [*HAKEEPER, "run", "-c", str(self.daemon.config_path), "--log", log]

    # --- life ------------------------------------------------------------------------------

    def start(self, *, keepalived: bool = True) -> None:
        """Start keepalived's stand-in and the daemon; wait until names and identity are known."""
        if keepalived:
            self.keepalived.start()
        self.write_config()
        seen = self.mark()
        self.daemon.start()
        self.wait_log("server.identified", after=seen)
        for _ in self.addresses():
            self.wait_log("address.resolved", after=seen)

    def addresses(self) -> list[object]:
        """All configured floating IPs."""
        sections = [self.config.get("instances", {}), self.config.get("groups", {})]
        return [
            ref for section in sections for each in section.values() for ref in each["floating_ips"]
        ]

    def close(self) -> None:
        """End everything of this node."""
        self.daemon.close()
        self.keepalived.kill()
        self._close_fifo()

    # --- what keepalived says --------------------------------------------------------------

    def write(self, data: bytes) -> None:
        """Write to the FIFO, as often as it takes; the daemon has to read meanwhile."""
        fd = self._end_of_fifo()
        rest = data
        while rest:
            rest = rest[os.write(fd, rest) :]

    def _end_of_fifo(self) -> int:
        """Open it as keepalived does (O_RDWR), and keep it open: what waits outlives a reader."""
        if self._fifo_fd is not None:
            there, held = self.fifo.stat(), os.fstat(self._fifo_fd)
            if (there.st_dev, there.st_ino) == (held.st_dev, held.st_ino):
                return self._fifo_fd
            self._close_fifo()
        self._fifo_fd = os.open(self.fifo, os.O_RDWR)
        return self._fifo_fd

    def stop_writing(self) -> None:
        """Close the FIFO, as a keepalived that was reloaded without its line does."""
        self._close_fifo()

    def _close_fifo(self) -> None:
        if self._fifo_fd is not None:
            os.close(self._fifo_fd)
            self._fifo_fd = None

    def say(self, *lines: str) -> None:
        """Write whole lines at once."""
        self.write("".join(f"{line}\n" for line in lines).encode())

    def role(self, state: str, name: str = "VI_1", kind: str = "INSTANCE") -> None:
        """Write one line as keepalived does."""
        self.say(f'{kind} "{name}" {state} {100 if kind == "INSTANCE" else 0}')

    def master(self, name: str = "VI_1") -> None:
        self.role("MASTER", name)

    def backup(self, name: str = "VI_1") -> LogEntry:
        """Say BACKUP, and wait until the daemon has taken it in; return its log entry."""
        seen = self.mark()
        self.role("BACKUP", name)
        return self.wait_log("role.changed", after=seen, role="BACKUP", instance=name)

    # --- what the daemon says --------------------------------------------------------------

    def mark(self) -> int:
        """How many log entries there are."""
        return len(self.daemon.entries())

    def logged(self, event: str, *, after: int = 0, **fields: object) -> list[LogEntry]:
        """The log entries of a kind whose fields have these values."""
        return [
            entry
            for entry in self.daemon.entries()[after:]
            if event_of(entry) == event and fields.items() <= fields_of(entry).items()
        ]

    def wait_log(self, event: str, *, after: int = 0, **fields: object) -> LogEntry:
        """Wait for a log entry."""
        return self.daemon.wait_for_log(
            lambda entry: event_of(entry) == event and fields.items() <= fields_of(entry).items(),
            timeout_s=PATIENCE_S,
            after=after,
        )

    def reload(self) -> None:
        """Write `config`, SIGHUP, and wait until it is taken over."""
        self.write_config()
        seen = self.mark()
        self.daemon.reload()
        self.wait_log("config.reloaded", after=seen)


def fields_of(entry: LogEntry) -> dict[str, object]:
    """Return the fields of a log entry."""
    fields = entry.get("fields")
    return fields if isinstance(fields, dict) else {}


def at_s(entry: LogEntry) -> float:
    """Return the latest time that a log entry may have, on the clock of the simulator.

    The log cuts times to whole milliseconds.
    """
    epoch_s = dt.datetime.fromisoformat(str(entry["time"])).timestamp() + 0.001
    return epoch_s - time.time() + time.monotonic()


class World:
    """One cloud with the floating IP `web`, which belongs to a server without hakeeper."""

    def __init__(self, cloud: CloudFront, folder: Path) -> None:
        self.cloud = cloud
        self.folder = folder
        self.nodes: list[Node] = []
        self.elsewhere = cloud.add_server("elsewhere")
        self.web = cloud.add_floating_ip("web", "203.0.113.10", server=self.elsewhere)
        self.may_print: tuple[str, ...] = ()
        """Beginnings of lines that are not log entries, where a test wants some."""

    def node(self, name: str = "node-a", **options: Any) -> Node:  # noqa: ANN401  # handed on
        """Make a node; nothing of it runs yet."""
        made = Node(name, self.folder / name, self.cloud, **options)
        self.nodes.append(made)
        return made

    def running(self, name: str = "node-a", **options: Any) -> Node:  # noqa: ANN401  # handed on
        """Make a node and start it."""
        made = self.node(name, **options)
        made.start()
        return made

    def master(self, name: str = "node-a", **options: Any) -> Node:  # noqa: ANN401  # handed on
        """Make a node that is MASTER and holds the address."""
        made = self.running(name, **options)
        made.master()
        self.wait_holder(made)
        made.wait_log("address.claimed")
        return made

    # --- the cloud -------------------------------------------------------------------------

    def wait_holder(self, node: Node, floating_ip: int | None = None) -> None:
        """Wait until the node's server has the address."""
        wanted = self.web if floating_ip is None else floating_ip
        self.cloud.wait_for(lambda: self.cloud.holder(wanted) == node.server, PATIENCE_S)

    def drop_connections(self) -> None:
        """Reset all connections to the API, and wait until that is done."""
        self.cloud.drop_connections()
        self.cloud.wait_for(lambda: self.cloud.counters().open_connections == 0, PATIENCE_S)

    def seq(self) -> int:
        """The number of the newest request."""
        return max((request.seq for request in self.cloud.requests()), default=0)

    def assigns(self, node: Node | None = None) -> int:
        """How many assigns were received."""
        return len(self.cloud.assigns(client=None if node is None else node.name))

    def wait_hits(self, fault: int, hits: int) -> None:
        """Wait until a fault has met so many requests."""
        self.cloud.wait_for(lambda: self.cloud.faults()[fault - 1].hits >= hits, PATIENCE_S)

    def wait_read(self, node: Node, *, not_before_s: float = 0.0, count: int = 1) -> None:
        """Wait until the node's reads of all holders, begun from that time on, were answered."""

        def reads() -> bool:
            found = self.cloud.requests(client=node.name, method="GET", path="/floating_ips")
            late = [r for r in found if r.received_s >= not_before_s and r.answered_s is not None]
            return len(late) >= count

        self.cloud.wait_for(reads, PATIENCE_S)

    def wait_quiet(self, node: Node) -> None:
        """Wait until it has looked at the server that holds the address, its last look for now."""
        path = f"/servers/{self.elsewhere}"

        def looked() -> bool:
            found = self.cloud.requests(client=node.name, method="GET", path=path)
            return any(request.answered_s is not None for request in found)

        self.cloud.wait_for(looked, PATIENCE_S)

    def wait_reads(self, node: Node, count: int = 2) -> None:
        """Wait for so many more reads of the holders from now on."""
        self.wait_read(node, not_before_s=time.monotonic(), count=count)

    def recovery_s(self, fault: int, node: Node) -> float:
        """How long after the end of a fault the node got the address."""
        ended_s = self.cloud.faults()[fault - 1].ended_s
        assert ended_s is not None
        last = self.cloud.moves(self.web)[-1]
        assert node.server == last.new
        return last.at_s - ended_s

    # --- the end ---------------------------------------------------------------------------

    def close(self) -> None:
        """End all processes."""
        with contextlib.ExitStack() as stack:
            for node in self.nodes:
                stack.callback(node.close)

    def complaints(self) -> list[str]:
        """Everything that no test may ever bring about."""
        servers = {node.name: node.server for node in self.nodes}
        found = broken_rules(self.cloud, servers, TIMEOUT_S)
        for node in self.nodes:
            found += [f"{node.name}: the token is in {place}" for place in leaks(node)]
            found += [
                f"{node.name}: not a log entry: {entry['raw']}"
                for entry in node.daemon.entries()
                if "raw" in entry and not str(entry["raw"]).startswith(self.may_print or ("\0",))
            ]
            found += [
                f"{node.name}: {astray}"
                for entry in node.daemon.entries()
                if event_of(entry) in EVENTS
                for astray in fields_astray(event_of(entry), fields_of(entry))
            ]
        return found

    def report(self) -> str:
        """The story, for a failure."""
        lines = []
        for one in self.cloud.requests()[-60:]:
            body = one.body if one.is_write else ""
            lines.append(
                f"{one.received_s:.3f} {one.client} {one.method} {one.path} {one.status} {body}"
            )
        for node in self.nodes:
            lines += [f"--- log of {node.name} ---", node.daemon.log_text()[-8000:]]
        return "\n".join(lines)


FAILED = pytest.StashKey[bool]()
"""Whether a test failed; set by conftest."""


def live(world: World, item: pytest.Item) -> Iterator[World]:
    """Hand out a world, and hold it against the rules at its end."""
    try:
        yield world
    finally:
        world.close()
        if item.stash.get(FAILED, False):
            print(world.report())  # noqa: T201  # pytest shows it with the failure
    complaints = world.complaints()
    assert [] == complaints, "\n".join(complaints)


def secrets_of(node: Node) -> list[str]:
    """Return what must be found nowhere: tokens, and the piece of them that Hetzner quotes."""
    return [piece for token in node.tokens for piece in (token, token[:SECRET_PIECE])]


def leaks(node: Node) -> list[str]:
    """Return the files of a node that hold a token, besides its own file."""
    return [str(path) for path in files_of(node) if holds_secret(node, path.read_bytes())]


def files_of(node: Node) -> Iterable[Path]:
    """Return all files that the daemon writes or could write."""
    for path in sorted(node.folder.rglob("*")):
        if path.is_file() and not path.is_symlink() and path != node.token_file:
            yield path


def holds_secret(node: Node, data: bytes) -> bool:
    """Say whether a token, or the quoted piece of one, is in there."""
    return any(piece.encode() in data for piece in secrets_of(node))


def exit_code(node: Node) -> int:
    """Wait for the end of a daemon that ends by itself."""
    process = node.daemon._started()
    eventually(lambda: not process.running, PATIENCE_S)
    code = process.exit_code
    assert code is not None
    return code
