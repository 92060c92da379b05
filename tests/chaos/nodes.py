"""Daemons as processes, and the script that says who is MASTER."""

import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import yaml

from chaos.api import Api

_TOKEN_DIGITS: Final = 64


@dataclass
class Span:
    """A time in which keepalived's last word to a node was MASTER."""

    begin_s: float
    end_s: float = float("inf")


@dataclass
class Node:
    """One server: its daemon, its FIFO, and what its keepalived has said."""

    name: str
    server: int
    folder: Path
    api: Api
    spans: list[Span] = field(default_factory=list)
    role: str = ""
    _daemon: "subprocess.Popen[bytes] | None" = None
    _keepalived: "subprocess.Popen[bytes] | None" = None
    _pipe: int = -1

    def __post_init__(self) -> None:
        for each in ("run", "state"):
            (self.folder / each).mkdir(parents=True)
        self.fifo = self.folder / "notify.fifo"
        token = self.name.encode().hex().ljust(_TOKEN_DIGITS, "x")
        self.api.nodes[token] = self.name
        self.api.servers[self.server] = self.name
        path = self.folder / "token"
        path.touch(mode=0o600)
        path.write_text(token)
        self._open_fifo()
        self._write_configuration(path)

    def _write_configuration(self, token_file: Path) -> None:
        config = {
            "instances": {"VI_1": {"floating_ips": [ip.name for ip in self.api.ips.values()]}},
            "server": self.server,
            "keepalived": {
                "fifo": str(self.fifo),
                "state": "none",
                "pid_file": str(self.folder / "keepalived.pid"),
            },
            "hetzner": {"endpoint": self.api.url, "token_file": str(token_file)},
            "reconcile": {"interval": "5s", "standby_interval": "10s"},
        }
        (self.folder / "hakeeper.yaml").write_text(yaml.safe_dump(config))

    # --- keepalived -----------------------------------------------------------------------------

    def _open_fifo(self) -> None:
        os.mkfifo(self.fifo, 0o600)
        self._pipe = os.open(self.fifo, os.O_RDWR | os.O_NONBLOCK)

    def start_keepalived(self) -> None:
        """Start a process that has keepalived's name, and write its pid file."""
        program = self.folder / "keepalived"
        if not program.exists():
            shutil.copy(shutil.which("sleep") or "/bin/sleep", program)
        self._keepalived = subprocess.Popen([program, "100000"])
        (self.folder / "keepalived.pid").write_text(f"{self._keepalived.pid}\n")

    def restart_keepalived(self) -> None:
        """Let it die and start anew, with a FIFO of its own making."""
        assert self._keepalived is not None
        self._keepalived.kill()
        self._keepalived.wait()
        os.close(self._pipe)
        self.fifo.unlink()
        self._open_fifo()
        self.start_keepalived()
        self.say("BACKUP")

    def say(self, role: str) -> None:
        """Write a line as keepalived does: what finds no room is lost."""
        now = time.monotonic()
        if role != "MASTER" and self.role == "MASTER":
            self.spans[-1].end_s = now
        if role == "MASTER" and self.role != "MASTER":
            self.spans.append(Span(now))
        self.role = role
        os.write(self._pipe, f'INSTANCE "VI_1" {role} 100\n'.encode())

    def was_master(self, at_s: float, grace_s: float) -> bool:
        """Say whether it was MASTER then, or until a moment before."""
        return any(span.begin_s <= at_s <= span.end_s + grace_s for span in self.spans)

    # --- the daemon -----------------------------------------------------------------------------

    def start(self) -> None:
        """Start hakeeper."""
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join(sys.path),
            "RUNTIME_DIRECTORY": str(self.folder / "run"),
            "STATE_DIRECTORY": str(self.folder / "state"),
        }
        with (self.folder / "hakeeper.log").open("ab") as log:
            self._daemon = subprocess.Popen(
                [sys.executable, "-m", "hakeeper", "run", "--log", "json",
                 "-c", str(self.folder / "hakeeper.yaml")],
                env=environment, stdout=log, stderr=log,
            )  # fmt: skip

    def signal(self, number: signal.Signals) -> None:
        """Send the daemon a signal."""
        assert self._daemon is not None
        self._daemon.send_signal(number)

    def limit_descriptors(self, count: int) -> None:
        """Let the daemon have no more descriptors than this."""
        assert self._daemon is not None
        hard = resource.prlimit(self._daemon.pid, resource.RLIMIT_NOFILE)[1]
        resource.prlimit(self._daemon.pid, resource.RLIMIT_NOFILE, (count, hard))

    def kill(self) -> None:
        """SIGKILL."""
        assert self._daemon is not None
        self._daemon.kill()
        self._daemon.wait()

    @property
    def exit_code(self) -> int | None:
        """How the daemon ended by itself; None while it runs."""
        assert self._daemon is not None
        return self._daemon.poll()

    def log_tail(self, lines: int = 40) -> str:
        """Return the end of its log."""
        return "\n".join((self.folder / "hakeeper.log").read_text().splitlines()[-lines:])

    def close(self) -> None:
        """End everything of it."""
        for process in (self._daemon, self._keepalived):
            if process is not None:
                process.kill()
                process.wait()
        os.close(self._pipe)
