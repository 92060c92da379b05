"""The hooks' service as systemd starts it: the real program, on a socket that outlives it."""

import contextlib
import json
import os
import socket
import subprocess
from pathlib import Path

from hakeeper.adapters.hooks import SOCKET_VARIABLE
from hakeeper.demo.lab.daemon import HAKEEPER, LogEntry, event_of
from tests.support.daemon_node import PATIENCE_S, DaemonNode, fields_of
from tests.support.journal_entries import fields_astray
from tests.support.waiting import eventually

_PASS_ON = 'exec 3<&0 </dev/null; LISTEN_FDS=1 LISTEN_PID=$$ exec "$@"'
_RECORD = """\
#!/bin/sh
echo "$HAKEEPER_EVENT $HAKEEPER_ADDRESS" >>"$1/order"
env >"$1/$HAKEEPER_EVENT.new" && mv "$1/$HAKEEPER_EVENT.new" "$1/$HAKEEPER_EVENT"
"""


def hooks_environment(folder: Path) -> dict[str, str]:
    """Return what makes the daemon of a node send to the service of this folder."""
    return {SOCKET_VARIABLE: str(folder / "hooks.sock")}


class HookService:
    """Listens at `hooks.sock` of a folder; what commands record lies in `seen` below it."""

    def __init__(self, folder: Path, config: Path) -> None:
        self.path = folder / "hooks.sock"
        self.seen = folder / "seen"
        self.seen.mkdir()
        self.log_path = folder / "hooks.log"
        self.listening = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.listening.bind(str(self.path))
        self._config = config
        self._folder = folder
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, **environment: str) -> None:
        """Start the program."""
        argv = ["sh", "-c", _PASS_ON, "sh", *HAKEEPER, "hooks", "-c", str(self._config)]
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "--", *argv, "--log", "json"],
                stdin=self.listening.fileno(),
                stdout=log,
                stderr=log,
                env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8", **environment},
            )

    def kill(self) -> None:
        """Send SIGKILL to the program alone, and wait."""
        self._started().kill()
        self._started().wait()

    def term(self) -> int:
        """Stop it as systemd does; return the exit code."""
        self._started().terminate()
        return self._started().wait()

    def _started(self) -> "subprocess.Popen[bytes]":
        assert self.process is not None
        return self.process

    def close(self) -> None:
        """End the program and the socket; its entries must be as the journal's table says."""
        if self.process is not None:
            self.kill()
        self.listening.close()
        astray = [
            text
            for entry in self._entries()
            for text in fields_astray(event_of(entry), fields_of(entry))
        ]
        assert astray == []

    def script(self, name: str, text: str) -> Path:
        """Write a command."""
        path = self._folder / name
        path.write_text(text)
        path.chmod(0o755)
        return path

    def recorder(self) -> list[str]:
        """Return a command that records its environment in `seen`."""
        return [str(self.script("record", _RECORD)), str(self.seen)]

    # --- what is seen ---------------------------------------------------------------------------

    def wait_environment(self, moment: str) -> dict[str, str]:
        """Wait until the recorder was run at that moment; return the environment it had."""
        path = self.seen / moment
        eventually(path.exists, PATIENCE_S, f"{moment} to be run; {self.log_text()}")
        return dict(line.split("=", 1) for line in path.read_text().splitlines())

    def order(self) -> list[str]:
        """Return which moments the recorder was run for, each with its address."""
        with contextlib.suppress(FileNotFoundError):
            return (self.seen / "order").read_text().splitlines()
        return []

    def log_text(self) -> str:
        """Return all output of the program."""
        return self.log_path.read_text() if self.log_path.exists() else ""

    def logged(self, event: str, **fields: object) -> list[LogEntry]:
        """Return the entries of a kind whose fields have these values."""
        return [
            entry
            for entry in self._entries()
            if event_of(entry) == event and fields.items() <= fields_of(entry).items()
        ]

    def _entries(self) -> list[LogEntry]:
        whole, _, _ = self.log_text().rpartition("\n")
        return [json.loads(line) for line in whole.splitlines()]

    def wait_log(self, event: str, **fields: object) -> LogEntry:
        """Wait for an entry."""
        eventually(lambda: self.logged(event, **fields), PATIENCE_S, f"{event}; {self.log_text()}")
        return self.logged(event, **fields)[0]


def send(service: HookService, **values: object) -> None:
    """Send a notice as the daemon does, with some values of its own."""
    notice = {"v": 1, "moment": "on_master", "kind": "INSTANCE", "instance": "VI_1", "time": 1.5}
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.sendto(json.dumps({**notice, **values}).encode(), str(service.path))


def fill(service: HookService) -> None:
    """Send notices of a foreign instance until the socket takes no more."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.settimeout(0.0)
        with contextlib.suppress(BlockingIOError):
            while True:
                sender.sendto(b"{}", str(service.path))


def with_hooks(node: DaemonNode, **hooks: object) -> None:
    """Write hooks into the configuration of a node."""
    node.config["instances"]["VI_1"]["hooks"] = hooks
    node.write_config()
