"""Who says the roles of a node: a script that writes to the FIFO, or real keepalived."""

import contextlib
import os
import re
import select
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Protocol

from hakeeper.demo.lab.bus import Bus
from hakeeper.demo.lab.keepalived import Keepalived
from hakeeper.demo.lab.vrrp_conf import NodePaths, VrrpInstance, VrrpSettings, keepalived_conf
from hakeeper.demo.lab.waiting import LabTimeoutError
from tests.chaos.record import Record
from tests.chaos.rooms import Room
from tests.support.keepalived_standin import out_of_sight
from tests.support.waiting import eventually

PEERS: Final = ("10.99.0.1", "10.99.0.2")
_BETTER, _LESSER = 150, 100
_LINE: Final = re.compile(rb'INSTANCE "VI_1" (MASTER|BACKUP|FAULT|STOP|DELETED) ')
_DBUS_DIED: Final = b"Write from DBus thread to main thread failed"
_LOOK_S: Final = 0.05
_SILENT_S: Final = 3.0


class Voice(Protocol):
    """What a node needs to know of its keepalived."""

    record: Record
    fifo: Path
    pid_file: Path
    config: Mapping[str, Any]
    """What hakeeper.yaml says of it beside those two."""
    environment: Mapping[str, str]

    def start(self) -> None:
        """Begin."""

    def prefer(self, *, better: bool) -> None:
        """Be the one who is MASTER, or not."""

    def renew(self) -> None:
        """Be MASTER no more, whatever was."""

    def heal(self) -> None:
        """Be well again."""

    def cure(self) -> bool:
        """End what hakeeper is not to blame for, and no healing ends; say whether there was any."""

    def close(self) -> None:
        """End."""


class Script:
    """Writes to the FIFO what a keepalived would; a process that sleeps has its name."""

    def __init__(self, folder: Path) -> None:
        self.record = Record()
        self.fifo = folder / "notify.fifo"
        self.pid_file = folder / "keepalived.pid"
        self.config: Mapping[str, Any] = {"state": "none"}
        self.environment: Mapping[str, str] = {}
        self._program = folder / "keepalived"
        self._process: subprocess.Popen[bytes] | None = None
        self._pipe = -1
        self._open()

    def _open(self) -> None:
        os.mkfifo(self.fifo, 0o600)
        self._pipe = os.open(self.fifo, os.O_RDWR | os.O_NONBLOCK)

    def start(self) -> None:
        """Start a process that has keepalived's name, and write its pid file."""
        if not self._program.exists():
            shutil.copy(shutil.which("sleep") or "/bin/sleep", self._program)
        self._process = subprocess.Popen(out_of_sight(str(self._program), "100000"))
        program = Path(f"/proc/{self._process.pid}/exe")
        eventually(lambda: program.readlink() == self._program)
        self.pid_file.write_text(f"{self._process.pid}\n")

    def restart(self) -> None:
        """Let it die and start anew, with a FIFO of its own making."""
        self.kill()
        os.close(self._pipe)
        self.fifo.unlink()
        self._open()
        self.start()
        self.say("BACKUP")

    def say(self, role: str) -> None:
        """Write a line as keepalived does: what finds no room is lost."""
        self.record.take(role, time.monotonic())
        os.write(self._pipe, f'INSTANCE "VI_1" {role} 100\n'.encode())

    def prefer(self, *, better: bool) -> None:
        """Say so unless that was the last word."""
        role = "MASTER" if better else "BACKUP"
        if self.record.role != role:
            self.say(role)

    def renew(self) -> None:
        """Say BACKUP."""
        self.say("BACKUP")

    def heal(self) -> None:
        """Do nothing: its faults are over when they are made."""

    def cure(self) -> bool:
        """Say that there is nothing: it has no D-Bus."""
        return False

    def kill(self) -> None:
        """SIGKILL."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def close(self) -> None:
        """End it."""
        self.kill()
        os.close(self._pipe)


class Real:
    """Real keepalived with a D-Bus of its own, and a second FIFO by which it is judged."""

    def __init__(self, name: str, number: int, folder: Path, room: Room) -> None:
        self.record = Record()
        self.room = room
        self.fifo = folder / "notify.fifo"
        self.config: Mapping[str, Any] = {}
        self._paths = NodePaths(
            fifo=self.fifo,
            witness_fifo=folder / "witness.fifo",
            health_file=folder / "healthy",
            track_file=folder / "step-down",
        )
        for path in (self._paths.fifo, self._paths.witness_fifo):
            os.mkfifo(path, 0o600)
        self._name, self._number, self._better = name, number, number == 0
        self.bus = Bus(folder, name)
        self.environment: Mapping[str, str] = self.bus.environment
        self.keepalived = Keepalived(
            name,
            folder,
            namespace=room.namespace,
            conf=self._conf(better=self._better),
            environment=self.environment,
            on_death=lambda: self.record.gone(time.monotonic()),
        )
        self.pid_file = self.keepalived.pid_path
        self.is_frozen = False
        self._log_read = 0
        """So much of keepalived's log was looked at."""
        self.witness = Witness(self._paths.witness_fifo, self.record)

    def _conf(self, *, better: bool) -> str:
        priorities = (_BETTER, _BETTER) if better else (_LESSER, _LESSER)
        settings = VrrpSettings(
            instances=(VrrpInstance(priorities=priorities),), higher_prio_send_advert=True
        )
        return keepalived_conf(
            settings, self._paths, name=self._name, number=self._number, ips=PEERS
        )

    def start(self) -> None:
        """Start it."""
        self.keepalived.start()

    @property
    def is_up(self) -> bool:
        """Say whether it runs and can hear."""
        return self.keepalived.running and not self.is_frozen

    def prefer(self, *, better: bool) -> None:
        """Give it the better or the lesser priority, and reload it if that is news."""
        if better == self._better:
            return
        self._better = better
        self.keepalived.write_conf(self._conf(better=better))
        if self.is_up:
            self.keepalived.reload()

    def renew(self) -> None:
        """Restart it in order; one that does not end is killed, as systemd would do."""
        if self.is_up:
            try:
                self.keepalived.stop()
            except subprocess.TimeoutExpired:
                self.keepalived.kill_all()
        self.heal()

    def freeze(self) -> None:
        """SIGSTOP to all of it."""
        self.is_frozen = True
        self.keepalived.freeze()

    def heal(self) -> None:
        """Have both of its processes run, and hear the other one's."""
        self.room.link_up()
        self.bus.process.signal(signal.SIGCONT)
        if self.is_frozen:
            self.keepalived.thaw()
            self.is_frozen = False
            self.keepalived.reload()  # the priority may be another one by now
        if not self.keepalived.running:
            self._start_again()
            return
        if self.cure():
            return
        end_s = time.monotonic() + _SILENT_S
        while self.keepalived.child_pid() is None or not self.record.role:
            if time.monotonic() > end_s:  # each child that dies is replaced later than the last
                self.keepalived.kill_all()
                self._start_again()
                return
            time.sleep(_LOOK_S)

    def cure(self) -> bool:
        """Restart it if its D-Bus has died within it, as in a reload: nobody can ask it then.

        Whoever has lost a line or the state file beside waits for its next line, which may never
        come.
        """
        if not self.keepalived.running or not self._has_lost_dbus():
            return False
        self.keepalived.kill_all()
        self._start_again()
        return True

    def _start_again(self) -> None:
        """Start it; one without a VRRP child after long is killed, and started once more."""
        try:
            self.keepalived.start()
        except LabTimeoutError:
            self.keepalived.kill_all()
            self.keepalived.start()

    def _has_lost_dbus(self) -> bool:
        with self.keepalived.log_path.open("rb") as log:
            log.seek(self._log_read)
            new = log.read()
        self._log_read += len(new)
        return _DBUS_DIED in new

    def close(self) -> None:
        """End all of it."""
        self.keepalived.close()
        self.witness.close()
        self.bus.close()


class Witness:
    """Reads the lines that keepalived writes to its second FIFO, as hakeeper does the first."""

    def __init__(self, fifo: Path, record: Record) -> None:
        self._record = record
        self._fifo = os.open(fifo, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        self._looks = 0
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._read, name="witness", daemon=True)
        self._thread.start()

    def _read(self) -> None:
        data = b""
        looks_s = time.monotonic()
        while not self._closing.is_set():
            looked_s, looks_s = looks_s, time.monotonic()
            if select.select([self._fifo], [], [], _LOOK_S)[0]:
                data += os.read(self._fifo, 65536)
                *lines, data = data.split(b"\n")
                for line in lines:
                    if found := _LINE.match(line + b" "):
                        self._record.take(found[1].decode(), time.monotonic(), looked_s)
            self._looks += 1

    def catch_up(self) -> None:
        """Wait until all that was written before is in the record."""
        enough = self._looks + 2
        while self._looks < enough and self._thread.is_alive():
            time.sleep(_LOOK_S / 5)

    def close(self) -> None:
        """Stop."""
        self._closing.set()
        self._thread.join()
        with contextlib.suppress(OSError):
            os.close(self._fifo)


def ask(voice: Real) -> str | None:
    """Return what keepalived itself says of its instance in its data file, as JSON; None: nothing.

    Neither hakeeper nor the witness learns it that way.
    """
    try:
        found = voice.keepalived.states().get("VI_1")
    except LabTimeoutError:
        return None
    return None if found is None else found.value
