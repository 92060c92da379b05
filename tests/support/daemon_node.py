"""A node: a real daemon with a FIFO, a token, folders, and a stand-in for keepalived."""

import datetime as dt
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from hakeeper.demo.cloud import ON_LOOPBACK, CloudFront
from hakeeper.demo.lab.daemon import HAKEEPER, HakeeperProcess, LogEntry, event_of
from hakeeper.demo.lab.netns import Namespace
from hakeeper.kinds import KINDS
from tests.support.keepalived_standin import StandIn
from tests.support.waiting import eventually

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


class DaemonNode:
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
        self.track_file = folder / "step-down"
        self.track_file.write_text("0\n")
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
                "track_file": str(self.track_file),
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
        for each in self.addresses():
            chosen = isinstance(each, dict) and "label" in each
            self.wait_log("address.selected" if chosen else "address.resolved", after=seen)

    def addresses(self) -> list[object]:
        """All that is configured of any kind."""
        sections = [self.config.get("instances", {}), self.config.get("groups", {})]
        each = [one for section in sections for one in section.values()]
        return [
            ref for one in each for kind in KINDS.values() for ref in one.get(kind.config_key, [])
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


def secrets_of(node: DaemonNode) -> list[str]:
    """Return what must be found nowhere: tokens, and the piece of them that Hetzner quotes."""
    return [piece for token in node.tokens for piece in (token, token[:SECRET_PIECE])]


def leaks(node: DaemonNode) -> list[str]:
    """Return the files of a node that hold a token, besides its own file."""
    return [str(path) for path in files_of(node) if holds_secret(node, path.read_bytes())]


def files_of(node: DaemonNode) -> Iterable[Path]:
    """Return all files that the daemon writes or could write."""
    for path in sorted(node.folder.rglob("*")):
        if path.is_file() and not path.is_symlink() and path != node.token_file:
            yield path


def holds_secret(node: DaemonNode, data: bytes) -> bool:
    """Say whether a token, or the quoted piece of one, is in there."""
    return any(piece.encode() in data for piece in secrets_of(node))


def exit_code(node: DaemonNode) -> int:
    """Wait for the end of a daemon that ends by itself."""
    process = node.daemon._started()
    eventually(lambda: not process.running, PATIENCE_S)
    code = process.exit_code
    assert code is not None
    return code
