"""Daemons as processes, each in a room of its own."""

import os
import random
import resource
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import Any, Final

import yaml

from hakeeper.demo.lab.process import LabProcess
from tests.chaos.front import Front
from tests.chaos.names import Resolver
from tests.chaos.record import Record
from tests.chaos.rooms import METADATA, Room
from tests.chaos.voices import Voice

_TOKEN_DIGITS: Final = 64
_NO_BUS: Final = {"DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nonexistent/bus"}


class Node:
    """One server: its daemon, its keepalived, its room and nameservers."""

    def __init__(  # all that a server consists of
        self,
        name: str,
        server: int,
        folder: Path,
        *,
        front: Front,
        room: Room,
        voice: Voice,
        rng: random.Random,
    ) -> None:
        self.name = name
        self.server = server
        self.folder = folder
        self.room = room
        self.voice = voice
        self.resolver = Resolver(room, rng)
        self._daemon: LabProcess | None = None
        self._logged_before = 0
        self.started_s: list[float] = []
        """When each daemon began."""
        self.make_folders()
        api = front.api
        token = name.encode().hex().ljust(_TOKEN_DIGITS, "x")
        api.nodes[token] = name
        api.servers[server] = name
        api.private[server] = room.station.ip
        front.open(room.doors())
        front.open_metadata(room.listen(METADATA, 80), name, server)
        path = folder / "token"
        path.touch(mode=0o600)
        path.write_text(token)
        self._configure(front, path)

    def _configure(self, front: Front, token_file: Path) -> None:
        config: dict[str, Any] = {
            "instances": {"VI_1": {"floating_ips": [ip.name for ip in front.api.ips.values()]}},
            "keepalived": {
                "fifo": str(self.voice.fifo),
                "pid_file": str(self.voice.pid_file),
                **self.voice.config,
            },
            "hetzner": {
                "endpoint": front.url,
                "token_file": str(token_file),
                "ca_file": str(front.ca_file),
            },
            "reconcile": {"interval": "5s", "standby_interval": "10s"},
        }
        (self.folder / "hakeeper.yaml").write_text(yaml.safe_dump(config))

    @property
    def record(self) -> Record:
        """When it was MASTER."""
        return self.voice.record

    def make_folders(self) -> None:
        """Have the folders that systemd makes."""
        for each in ("run", "state"):
            (self.folder / each).mkdir(parents=True, exist_ok=True)

    def remove_folder(self, name: str) -> None:
        """Take one of them away."""
        shutil.rmtree(self.folder / name, ignore_errors=True)

    # --- the daemon -----------------------------------------------------------------------------

    def start(self) -> None:
        """Start hakeeper."""
        self.started_s.append(time.monotonic())
        log = self.folder / "hakeeper.log"
        self._logged_before = log.stat().st_size if log.exists() else 0
        run = [sys.executable, "-m", "hakeeper", "run", "--log", "json"]
        self._daemon = LabProcess(
            f"{self.name}: hakeeper",
            self.room.inside([*run, "-c", str(self.folder / "hakeeper.yaml")]),
            log_path=log,
            environment={
                "PYTHONPATH": os.pathsep.join(sys.path),
                "RUNTIME_DIRECTORY": str(self.folder / "run"),
                "STATE_DIRECTORY": str(self.folder / "state"),
                **_NO_BUS,
                **self.voice.environment,
            },
        )

    def _started(self) -> LabProcess:
        assert self._daemon is not None
        return self._daemon

    def reload(self) -> None:
        """SIGHUP, as systemd sends it: to a daemon that has begun, and not to what becomes one."""
        if self._has_begun():
            self.signal(signal.SIGHUP)

    def _has_begun(self) -> bool:
        return (self.folder / "hakeeper.log").stat().st_size > self._logged_before

    def signal(self, number: signal.Signals) -> None:
        """Send the daemon a signal."""
        self._started().signal(number)

    def limit_descriptors(self, count: int) -> None:
        """Let a daemon that has begun have no more descriptors than this.

        Before that it ends for want of one, to be started again by systemd, whom nobody plays here.
        """
        if not self._has_begun() or self.exit_code is not None:
            return
        hard = resource.prlimit(self._started().pid, resource.RLIMIT_NOFILE)[1]
        resource.prlimit(self._started().pid, resource.RLIMIT_NOFILE, (count, hard))

    def kill(self) -> None:
        """SIGKILL."""
        self._started().kill_group()

    @property
    def exit_code(self) -> int | None:
        """How the daemon ended by itself; None while it runs."""
        return self._started().exit_code

    def log_tail(self, lines: int = 40) -> str:
        """Return the ends of its log and keepalived's."""
        ends = []
        for name in ("keepalived.log", "hakeeper.log"):
            path = self.folder / name
            if path.exists():
                ends += path.read_text(errors="replace").splitlines()[-lines:]
        return "\n".join(ends)

    def close(self) -> None:
        """End everything of it."""
        if self._daemon is not None:
            self.kill()
        self.voice.close()
        self.resolver.close()
        self.room.close()
