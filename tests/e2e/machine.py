"""One machine: a container whose PID 1 is a real systemd. Boot it, cut its power, look inside."""

import contextlib
import json
import os
import signal
import subprocess
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from hakeeper.adapters.journal.events import EVENTS
from hakeeper.core.model import Role
from hakeeper.demo.lab import Heard, LabError, LabTimeoutError, parse_dump, wait_until
from hakeeper.demo.lab.netns import Namespace
from hakeeper.demo.lab.process import LabProcess
from tests.e2e.disk import Disk
from tests.e2e.lan import Lan
from tests.support import cgroups

PATIENCE_S = 120.0
"""Bounds whatever a machine does; generous, since no test asserts how fast a machine is."""
POLL_S = 0.25
"""Between two looks that start a program inside: more would slow down what is waited for."""
INSTANCE = "VI_1"
PUBLIC, PRIVATE = "eth0", "enp7s0"
"""The interfaces, named as at Hetzner."""
WITNESS = "/witness/notify.fifo"
"""Where the test's own FIFO is inside: keepalived writes every line to it too."""
_REBOOTED = 133
"""systemd-nspawn's exit code when the machine wants to be booted again (nspawn.c)."""
_ASK_KEEPALIVED = "kill -s $(keepalived --signum=JSON) $(cat /run/keepalived.pid)"
_NSPAWN_ENVIRONMENT = {
    "SYSTEMD_NSPAWN_API_VFS_WRITABLE": "network",
    "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1",
}
"""A server may set what sysctl sets for its network: /proc/sys/net is writable, and no more. It has
control groups of version 2, whatever this machine has: newer systemds know no others.
"""
_ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LANG": "C.UTF-8",
    "DEBIAN_FRONTEND": "noninteractive",
    "SYSTEMD_PAGER": "",
}
Entry = Mapping[str, Any]
"""One journal entry, as `journalctl -o json` gives it."""


class Machine:
    """A server. `name` is its host name; the numbers make its addresses."""

    def __init__(self, name: str, *, number: int, folder: Path, disk: Disk) -> None:
        self.name = name
        self.number = number
        self.disk = disk
        self.private_ip = f"10.0.0.{number}"
        self.public_ip = f"198.51.100.{number}"
        self._witness_folder = folder / "witness"
        self._witness_folder.mkdir()
        self.witness_fifo = self._witness_folder / "notify.fifo"
        os.mkfifo(self.witness_fifo, 0o600)
        self._console = folder / "console.log"
        self._namespace: Namespace | None = None
        self._process: LabProcess | None = None
        self._groups: list[Path] = []
        self._leader: int | None = None
        self._lans: tuple[Lan, Lan] | None = None
        self._made_at = time.time()

    def personalize(self) -> None:
        """Write what makes this disk this machine's: names, addresses, the way out."""
        write = self.disk.write
        write("/etc/hostname", self.name + "\n")
        write("/etc/machine-id", uuid.uuid5(uuid.NAMESPACE_DNS, self.name).hex + "\n")
        write(
            f"/etc/systemd/network/10-{PUBLIC}.network",
            f"[Match]\nName={PUBLIC}\n[Network]\nAddress={self.public_ip}/24\n"
            "Gateway=198.51.100.1\nLinkLocalAddressing=no\nIPv6AcceptRA=no\n",
        )
        write(
            f"/etc/systemd/network/10-{PRIVATE}.network",
            f"[Match]\nName={PRIVATE}\n[Network]\nAddress={self.private_ip}/24\n"
            "LinkLocalAddressing=no\nIPv6AcceptRA=no\n",
        )

    # --- power ---------------------------------------------------------------------------------

    @property
    def is_on(self) -> bool:
        """Whether it is on (booting counts)."""
        return self._process is not None and self._process.running

    def switch_on(self, public: Lan, private: Lan) -> None:
        """Switch it on and come back at once."""
        if self.is_on:
            raise LabError(f"{self.name} is on already")
        self._leader = None
        self._lans = (public, private)
        # A new network for every boot: a machine that is off has no addresses.
        self._namespace = Namespace(self.name)
        public.plug_in(self.name, self._namespace, PUBLIC)
        private.plug_in(self.name, self._namespace, PRIVATE)
        self._groups = cgroups.make(
            f"hakeeper-e2e-{os.environ['HAKEEPER_E2E_RUN']}-{self.name}-{uuid.uuid4().hex[:8]}"
        )
        self._process = LabProcess(
            self.name,
            [
                *cgroups.entering(self._groups),
                *("systemd-nspawn", "--quiet", "--boot", f"--directory={self.disk.root}"),
                *(f"--machine={self.name}", "--register=no", "--keep-unit", "--console=pipe"),
                *("--resolv-conf=off", "--timezone=off", "--link-journal=no"),
                "--capability=CAP_NET_ADMIN,CAP_NET_RAW",
                f"--network-namespace-path={self._namespace.path}",
                f"--bind={self._witness_folder}:{Path(WITNESS).parent}",
            ],
            log_path=self._console,
            environment=_NSPAWN_ENVIRONMENT,
        )

    def wait_until_up(self) -> None:
        """Wait until systemd has started everything that it is going to start."""
        wait_until(
            lambda: (
                self.try_run("systemctl", "is-system-running").strip() in {"running", "degraded"}
            ),
            timeout_s=PATIENCE_S,
            poll_s=POLL_S,
            what=lambda: f"{self.name} to boot: {self._booting()}",
        )

    def _booting(self) -> str:
        jobs = self.try_run("systemctl", "list-jobs", "--no-pager")
        return f"{jobs}\n{self._console.read_text(errors='replace')[-3000:]}"

    @property
    def leader(self) -> int:
        """The pid of its PID 1, seen from outside."""
        if self._leader is None or not Path(f"/proc/{self._leader}").exists():
            self._leader = self._find_leader()
        if self._leader is None:
            raise LabError(f"{self.name} is not on")
        return self._leader

    def _find_leader(self) -> int | None:
        if self._process is None:
            return None
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        with contextlib.suppress(OSError):  # it is just ending
            for pid in map(int, children.read_text().split()):
                with contextlib.suppress(OSError):
                    if Path(f"/proc/{pid}/comm").read_text().strip() == "systemd":
                        return pid
        return None

    def reboot(self, *, while_off: Callable[[], None] = lambda: None) -> None:
        """`systemctl reboot`; wait until it is up again. A real machine is longer `while_off`."""
        self.try_run("systemctl", "reboot", "--no-block")
        code = self._ended()
        if code != _REBOOTED:
            raise LabError(f"{self.name} ended with {code} instead of rebooting")
        while_off()
        assert self._lans is not None, "it was on"
        self.switch_on(*self._lans)
        self.wait_until_up()

    def power_off(self) -> None:
        """`systemctl poweroff`; wait until it is off."""
        self.try_run("systemctl", "poweroff", "--no-block")
        code = self._ended()
        if code != 0:
            raise LabError(f"{self.name} ended with {code} instead of powering off")

    def cut_power(self) -> None:
        """SIGKILL to its PID 1: all that runs in it is gone at one blow. The disk stays.

        Its network would go on forwarding packets until nspawn has tidied up, so it loses its
        cables, too.
        """
        os.kill(self.leader, signal.SIGKILL)
        assert self._lans is not None, "it was on"
        for lan in self._lans:
            lan.unplug(self.name)
        self._ended()

    def _ended(self) -> int:
        assert self._process is not None, f"{self.name} was never on"
        code = self._process.wait(PATIENCE_S)
        self._tidy()
        return code

    def _tidy(self) -> None:
        self._leader = None
        if self._namespace is not None:
            self._namespace.close()
            self._namespace = None
        cgroups.remove(self._groups)
        self._groups = []

    def close(self) -> None:
        """End it by all means."""
        if self._process is not None:
            if self.is_on:
                with contextlib.suppress(LabError, ProcessLookupError):
                    os.kill(self.leader, signal.SIGKILL)
            self._process.kill_group()
        self._tidy()

    # --- commands ------------------------------------------------------------------------------

    def run(self, *argv: str, given: str | bytes = "", check: bool = True) -> str:
        """Run a command inside, as root, to its end; return what it printed."""
        done = subprocess.run(
            self._inside(*argv),
            input=given.encode() if isinstance(given, str) else given,
            capture_output=True,
            timeout=2 * PATIENCE_S,
            check=False,
            env=_ENVIRONMENT,
        )
        out, errors = (text.decode(errors="replace") for text in (done.stdout, done.stderr))
        if check and done.returncode != 0:
            said = f"{out}{errors}".strip()
            raise LabError(f"{self.name}: {' '.join(argv)}: exit code {done.returncode}: {said}")
        return out

    def start(self, *argv: str) -> "subprocess.Popen[bytes]":
        """Start a command inside, as root, to talk with it."""
        pipe = subprocess.PIPE
        return subprocess.Popen(self._inside(*argv), stdin=pipe, stdout=pipe, env=_ENVIRONMENT)

    def _inside(self, *argv: str) -> list[str]:
        return ["nsenter", "--target", str(self.leader), "--all", "--", *argv]

    def try_run(self, *argv: str) -> str:
        """Run a command inside for what it prints; an empty text if it cannot be run now."""
        try:
            return self.run(*argv, check=False)
        except LabError:
            return ""

    def shell(self, script: str, given: str = "") -> str:
        """Run a shell script inside, as root; the first command that fails ends it."""
        return self.run("bash", "-ec", script, given=given)

    def write(self, path: str, data: str | bytes, *, mode: int = 0o644) -> None:
        """Write a file inside."""
        self.run("install", "-D", "-m", f"{mode:o}", "/dev/stdin", path, given=data)

    def exists(self, path: str) -> bool:
        """Whether something is at a path inside."""
        return bool(self.run("sh", "-c", f"test -e {path} || test -L {path} && echo yes || true"))

    def systemctl(self, *words: str) -> None:
        """Run systemctl inside; it must succeed."""
        self.run("systemctl", *words)

    def property(self, unit: str, name: str) -> str:
        """A property of a unit."""
        return self.run("systemctl", "show", unit, f"--property={name}", "--value").strip()

    def main_pid(self, unit: str) -> int:
        """The main pid of a unit, as seen inside; 0 if it does not run."""
        return int(self.property(unit, "MainPID"))

    def is_active(self, unit: str) -> bool:
        """Whether a unit is active."""
        return self.property(unit, "ActiveState") == "active"

    # --- keepalived's own word -----------------------------------------------------------------

    def vrrp_role(self) -> Role:
        """Ask keepalived for the role of the instance by its JSON dump; UNKNOWN if none answers.

        hakeeper learns it in another way (FIFO, D-Bus).
        """
        if not self.is_on:
            return Role.UNKNOWN
        dump = Path(f"/proc/{self.leader}/root/tmp/keepalived.json")
        dump.unlink(missing_ok=True)
        if self.try_run("sh", "-c", f"{_ASK_KEEPALIVED} && echo asked") == "":
            return Role.UNKNOWN
        try:
            states = wait_until(
                lambda: parse_dump(dump), timeout_s=5, what=f"the state dump of {self.name}"
            )
        except LabTimeoutError:
            return Role.UNKNOWN
        return states.get(INSTANCE, Role.UNKNOWN)

    # --- the journal ---------------------------------------------------------------------------

    def journal(self, *matches: str) -> list[Entry]:
        """Entries of the journal over all boots, oldest first."""
        text = self.run("journalctl", "--output=json", "--all", "--no-pager", *matches)
        return [json.loads(line) for line in text.splitlines()]

    def events(self, event: str, since: float | None = None) -> list[Entry]:
        """Return hakeeper's entries of one kind (MESSAGE_ID), since a time (`time.time()`).

        Without one: since this test began; what a disk brings along from before is not told.
        (Not by `--after-cursor`: with a filter that the entry of the cursor does not match,
        journalctl 252 leaves the first match out.)
        """
        since = self._made_at if since is None else since
        told = self.journal(
            "_SYSTEMD_UNIT=hakeeper.service", f"MESSAGE_ID={EVENTS[event].message_id}"
        )
        return [entry for entry in told if int(entry["__REALTIME_TIMESTAMP"]) > since * 1e6]

    def wait_for_event(
        self,
        event: str,
        since: float | None = None,
        *,
        where: Callable[[Entry], bool] = lambda _: True,
    ) -> Entry:
        """Wait until the journal tells of an event."""

        def told() -> Entry | None:
            return next(filter(where, self.events(event, since)), None)

        what = f"the journal of {self.name} to tell {event}"
        return wait_until(told, timeout_s=PATIENCE_S, what=what, poll_s=POLL_S)

    def status(self) -> Mapping[str, Any]:
        """What `hakeeper status --json` says."""
        told: Mapping[str, Any] = json.loads(self.run("hakeeper", "status", "--json", check=False))
        return told

    def report(self) -> str:
        """Everything that helps to understand a failure."""
        if not self.is_on:
            parts = ["it is off"]
        else:
            parts = [
                self.try_run("systemctl", "--no-pager", "--full", "status", "hakeeper"),
                self.try_run("systemctl", "--no-pager", "--full", "status", "keepalived"),
                self.try_run("ip", "-brief", "address"),
                self.try_run("sh", "-c", "ls -la /run/hakeeper /etc/hakeeper; df -h / 2>&1"),
                self.try_run("journalctl", "--no-pager", "-o", "short-precise", "-n", "250"),
            ]
        console = self._console.read_text(errors="replace") if self._console.exists() else ""
        return "\n".join([f"===== {self.name}", *parts, f"--- console\n{console[-2000:]}"])


def heard_from(machine: Machine, heard: tuple[Heard, ...]) -> list[str]:
    """The lines that one machine's keepalived wrote, with their times, for a report."""
    return [
        f"{one.at_s:.3f} {one.node} {one.line.vrrp} {one.line.state.value}"
        for one in heard
        if one.node == machine.name
    ]
