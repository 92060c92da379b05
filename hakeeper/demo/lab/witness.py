"""The lab's own record of roles, from a second FIFO that keepalived also writes to.

hakeeper's claims are checked against this record and not against its own log. The lab adds the
deaths that keepalived cannot report, which it has caused or seen.
"""

import contextlib
import os
import selectors
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from hakeeper.core.model import Role, VrrpId, VrrpKind
from hakeeper.core.roles.lines import LineReader, LineState, NotifyLine
from hakeeper.demo.lab.waiting import LabTimeoutError

_READ_BYTES = 65536
_LOOK_S = 0.05
"""How often the thread looks even if nothing arrives, which bounds how late a record may be."""
_ROLES = {
    LineState.MASTER: Role.MASTER,
    LineState.BACKUP: Role.BACKUP,
    LineState.FAULT: Role.FAULT,
    LineState.STOP: Role.STOPPED,
    LineState.DELETED: Role.STOPPED,
}
_SILENT = (Role.STOPPED, Role.UNKNOWN)
"""Roles after which no further line is expected."""


@dataclass(frozen=True, slots=True)
class RoleChange:
    """A node's instance or group changed its role at a monotonic time; UNKNOWN: keepalived died."""

    at_s: float
    node: str
    vrrp: VrrpId
    role: Role
    looked_s: float | None = None
    """When the line was known not to be there yet; None: `at_s` is exact.

    The two differ by a few hundredths of a second, or more if this process had to wait.
    """


@dataclass(frozen=True, slots=True)
class MasterSpan:
    """A period in which a node was MASTER. `by_death`: it ended without a line.

    As long as it may have been: from before the line was there until after the next one was.
    """

    from_s: float
    until_s: float
    by_death: bool


@dataclass(frozen=True, slots=True)
class Heard:
    """One notify line, as read."""

    at_s: float
    node: str
    line: NotifyLine


class Witness:
    """A thread that reads the witness FIFOs of all nodes until it is closed."""

    def __init__(self, fifos: dict[str, Path]) -> None:
        self._changed = threading.Condition()
        self._changes: list[RoleChange] = []
        self._heard: list[Heard] = []
        self._listeners: list[Callable[[Heard], None]] = []
        self._looks = 0
        self._selector = selectors.DefaultSelector()
        self._wake_read, self._wake_write = os.pipe()
        self._selector.register(self._wake_read, selectors.EVENT_READ, None)
        self._fds = []
        for node, path in fifos.items():
            fd = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
            self._fds.append(fd)
            self._selector.register(fd, selectors.EVENT_READ, (node, LineReader()))
        self._thread = threading.Thread(target=self._read, name="lab-witness", daemon=True)
        self._thread.start()

    def _read(self) -> None:
        looks_at_s = time.monotonic()
        while True:
            looked_s, looks_at_s = looks_at_s, time.monotonic()
            for key, _ in self._selector.select(_LOOK_S):
                if key.data is None:
                    return
                node, reader = key.data
                now = time.monotonic()
                for line in reader.feed(os.read(key.fd, _READ_BYTES)):
                    if isinstance(line, NotifyLine):
                        self._take(Heard(now, node, line), looked_s)
            with self._changed:
                self._looks += 1
                self._changed.notify_all()

    def _take(self, heard: Heard, looked_s: float) -> None:
        vrrp = heard.line.vrrp
        with self._changed:
            self._heard.append(heard)
            role = _ROLES.get(heard.line.state)
            if role is not None:
                self._changes.append(RoleChange(heard.at_s, heard.node, vrrp, role, looked_s))
            self._changed.notify_all()
            listeners = list(self._listeners)
        for listener in listeners:
            listener(heard)

    def listen(self, listener: Callable[[Heard], None]) -> None:
        """Call `listener` for every further line, on the witness's thread."""
        with self._changed:
            self._listeners.append(listener)

    def catch_up(self) -> None:
        """Wait until every line that is in the FIFOs now is recorded."""
        with self._changed:
            # The read that is going on may have started too early.
            enough = self._looks + 2
            self._changed.wait_for(lambda: self._looks >= enough or not self._thread.is_alive())

    def gone(self, node: str) -> None:
        """Record that the roles of `node`'s keepalived are no longer valid."""
        with self._changed:
            now = time.monotonic()
            known = dict.fromkeys(change.vrrp for change in self._changes if change.node == node)
            lost = [vrrp for vrrp in known if self._role(node, vrrp) not in _SILENT]
            self._changes += [RoleChange(now, node, vrrp, Role.UNKNOWN) for vrrp in lost]
            self._changed.notify_all()

    def changes(self) -> tuple[RoleChange, ...]:
        """All role changes so far, oldest first."""
        with self._changed:
            return tuple(self._changes)

    def heard(self) -> tuple[Heard, ...]:
        """All lines so far, oldest first, including events that are not roles."""
        with self._changed:
            return tuple(self._heard)

    def role(self, node: str, vrrp: VrrpId | str) -> Role:
        """The latest role; a string names an instance."""
        wanted = VrrpId(VrrpKind.INSTANCE, vrrp) if isinstance(vrrp, str) else vrrp
        with self._changed:
            return self._role(node, wanted)

    def _role(self, node: str, vrrp: VrrpId) -> Role:
        for change in reversed(self._changes):
            if change.node == node and change.vrrp == vrrp:
                return change.role
        return Role.UNKNOWN

    def wait_for_role(
        self, node: str, vrrp: VrrpId | str, roles: Iterable[Role], *, timeout_s: float
    ) -> Role:
        """Wait until the latest role is one of `roles`; raises LabTimeoutError."""
        wanted = VrrpId(VrrpKind.INSTANCE, vrrp) if isinstance(vrrp, str) else vrrp
        any_of = frozenset(roles)
        with self._changed:
            if self._changed.wait_for(lambda: self._role(node, wanted) in any_of, timeout_s):
                return self._role(node, wanted)
            names = "/".join(sorted(role.value for role in any_of))
            found = self._role(node, wanted).value
        raise LabTimeoutError(f"waited {timeout_s:g} s for {node}'s {wanted} {names}: {found}")

    def master_spans(self, node: str, vrrp: VrrpId) -> tuple[MasterSpan, ...]:
        """When `node` was MASTER, oldest first; the last span may have no end yet."""
        mine = [one for one in self.changes() if one.node == node and one.vrrp == vrrp]
        spans: list[MasterSpan] = []
        for index, one in enumerate(mine):
            if one.role is Role.MASTER:
                following = mine[index + 1] if index + 1 < len(mine) else None
                until_s = float("inf") if following is None else following.at_s
                by_death = following is not None and following.role is Role.UNKNOWN
                from_s = one.at_s if one.looked_s is None else one.looked_s
                spans.append(MasterSpan(from_s, until_s, by_death))
        return tuple(spans)

    def close(self) -> None:
        """Stop the thread and close the FIFOs."""
        os.write(self._wake_write, b"x")
        self._thread.join()
        self._selector.close()
        for fd in (*self._fds, self._wake_read, self._wake_write):
            with contextlib.suppress(OSError):
                os.close(fd)
