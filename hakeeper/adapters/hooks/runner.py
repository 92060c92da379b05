"""The hooks' service: takes notices from the socket of systemd, and runs what is configured.

The thread of `Runner.run` reads; each instance has a thread of its own that runs its commands. It
ends when there was nothing to do for a while: systemd starts it for the next notice.
"""

import os
import select
import signal
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from hakeeper.adapters.configfile import ConfigUnreadable, load
from hakeeper.adapters.hooks.notice import LIMIT_BYTES, Notice, decoded
from hakeeper.adapters.hooks.process import Ended, run
from hakeeper.adapters.hooks.queue import InstanceQueue
from hakeeper.adapters.hooks.trust import fault_of_command, fault_of_writers
from hakeeper.adapters.journal.entry import Fields
from hakeeper.adapters.journal.reporter import Reporter
from hakeeper.adapters.signals import Signals
from hakeeper.config import ConfigErrors
from hakeeper.config.hooks import HooksConfig
from hakeeper.core.model import VrrpId

_NOT_THEIRS: Final = ("LISTEN_", "NOTIFY_", "WATCHDOG_", "JOURNAL_", "INVOCATION_", "SYSTEMD_")
"""What systemd says to the service alone; all else, as of its drop-ins, commands get as well."""


class HooksFile:
    """The hooks of a configuration file; it is read again when it has changed."""

    def __init__(self, path: Path) -> None:
        """Take the path; nothing is read yet."""
        self._path = path
        self._seen: tuple[int, ...] = ()
        self._hooks: Mapping[VrrpId, HooksConfig] = {}

    def hooks(self) -> Mapping[VrrpId, HooksConfig]:
        """Return them; raises OSError, ConfigUnreadable and ConfigErrors.

        A file that others may change is a PermissionError: they would decide what is run.
        """
        found = self._path.stat()
        seen = (found.st_dev, found.st_ino, found.st_mtime_ns, found.st_ctime_ns, found.st_size)
        if fault := fault_of_writers(self._path):
            raise PermissionError(fault)
        if seen != self._seen:
            self._hooks = load(self._path).hooks
            self._seen = seen
        return self._hooks


class Runner:
    """Runs the commands for the notices that come in."""

    def __init__(
        self,
        receiver: socket.socket,
        file: HooksFile,
        reporter: Reporter,
        signals: Signals,
        environment: Mapping[str, str],
    ) -> None:
        """Take what it works with; `environment` is that of this process."""
        self._receiver = receiver
        self._file = file
        self._reporter = reporter
        self._signals = signals
        self._environment = {
            name: value for name, value in environment.items() if not name.startswith(_NOT_THEIRS)
        }
        self._queues: dict[VrrpId, InstanceQueue] = {}

    def run(self, idle_s: float) -> None:
        """Work until SIGTERM, or until nothing has come or run for so long."""
        poll = select.poll()
        poll.register(self._receiver, select.POLLIN)
        poll.register(self._signals.fd, select.POLLIN)
        while True:
            ready = [fd for fd, _ in poll.poll(idle_s * 1000)]
            if self._signals.fd in ready and self._signals.take().stop:
                break
            if self._receiver.fileno() in ready:
                self._take()
            elif not ready and all(queue.is_idle for queue in self._queues.values()):
                return
        self._give_up()

    def _take(self) -> None:
        try:
            datagram = self._receiver.recv(LIMIT_BYTES + 1, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        try:
            notice = decoded(datagram)
        except ValueError as error:
            self._refuse({}, f"a notice cannot be read: {error}")
            return
        about = _about(notice)
        try:
            hooks = self._file.hooks().get(notice.vrrp)
        except (OSError, ConfigUnreadable, ConfigErrors) as error:
            self._refuse(about, " ".join(str(error).split()))
            return
        if hooks is None or hooks.command(notice.moment) is None:
            self._refuse(about, "the configuration has no such hook any more")
            return
        self._queue(notice.vrrp, about).put(notice)

    def _queue(self, vrrp: VrrpId, about: Fields) -> InstanceQueue:
        """Return the queue of an instance; one that a bug has ended is replaced."""
        if vrrp not in self._queues or not self._queues[vrrp].is_alive:
            of = {name: about[name] for name in ("instance", "kind")}
            self._queues[vrrp] = InstanceQueue(
                vrrp, self._run, lambda count: self._say_dropped(of, count, "newer ones came")
            )
        return self._queues[vrrp]

    def _give_up(self) -> None:
        for vrrp, queue in self._queues.items():
            if count := queue.clear():
                of: Fields = {"instance": vrrp.name, "kind": vrrp.kind.value}
                self._say_dropped(of, count, "the service stops")

    # --- on the thread of an instance -----------------------------------------------------------

    def _run(self, notice: Notice) -> None:
        about = _about(notice)
        try:
            hooks = self._file.hooks().get(notice.vrrp)
            command = None if hooks is None else hooks.command(notice.moment)
            if hooks is None or command is None:
                return
            if fault := fault_of_command(Path(command[0])):
                self._refuse(about, fault)
                return
            environment = {**self._environment, **notice.environment(socket.gethostname())}
            ended = run(
                command,
                environment,
                hooks.timeout_s,
                lambda line: self._reporter.put(
                    "hook.output", f"{notice.vrrp}: {notice.moment.value}: {line}", about
                ),
            )
        except (OSError, ConfigUnreadable, ConfigErrors) as error:
            self._refuse(about, " ".join(str(error).split()))
        else:
            self._say_ended(notice, hooks, ended)

    def _say_ended(self, notice: Notice, hooks: HooksConfig, ended: Ended) -> None:
        about = _about(notice)
        what = f"{notice.vrrp}: {notice.moment.value}"
        if ended.lines_unseen:
            text = f"{what}: {ended.lines_unseen} more lines are not shown"
            self._reporter.put("hook.output", text, about)
        if ended.timed_out:
            reason = f"it took longer than {hooks.timeout_s:g} s, and was ended"
        elif ended.status:
            reason = _how(ended.status)
        else:
            text = f"{what} is done, in {ended.duration_s:.1f} s"
            about |= {"duration_s": round(ended.duration_s, 3)}
            self._reporter.put("hook.ended", text, about)
            return
        self._reporter.put("hook.failed", f"{what} failed: {reason}", about | {"reason": reason})

    # --- what is said ---------------------------------------------------------------------------

    def _refuse(self, about: Fields, reason: str) -> None:
        what = f"{about['instance']}: {about['hook']}: " if about else ""
        self._reporter.put("hook.failed", f"{what}not run: {reason}", about | {"reason": reason})

    def _say_dropped(self, about: Fields, count: int, why: str) -> None:
        text = f"{about['instance']}: {count} hooks that waited are not run: {why}"
        self._reporter.put("hook.dropped", text, about | {"count": count, "reason": why})


def _about(notice: Notice) -> Fields:
    about: Fields = {
        "instance": notice.vrrp.name,
        "kind": notice.vrrp.kind.value,
        "hook": notice.moment.value,
    }
    return about | ({"address": notice.address} if notice.address else {})


def _how(status: int) -> str:
    if status > 0:
        return f"exit code {status}"
    try:
        return f"ended by {signal.Signals(-status).name}"
    except ValueError:
        return f"ended by signal {-status}"


def systemd_socket(environ: Mapping[str, str]) -> socket.socket | None:
    """Return the datagram socket that systemd has handed over; None without one (sd_listen_fds)."""
    if environ.get("LISTEN_PID") != str(os.getpid()) or environ.get("LISTEN_FDS") != "1":
        return None
    handed = socket.socket(fileno=3)
    if (handed.family, handed.type) != (socket.AF_UNIX, socket.SOCK_DGRAM):
        return None
    handed.set_inheritable(False)
    return handed
