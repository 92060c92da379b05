"""keepalived's D-Bus service, asked and watched by a thread of its own.

Values go in (`query`) and come out (`deliver`, called on the thread). While nothing happens the
thread sleeps without a timer; only while there is no bus does it try again now and then.
"""

import contextlib
import os
import queue
import select
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from hakeeper.adapters.keepalived.link import BusError, CallError, Link
from hakeeper.adapters.keepalived.roles import QueryError, RoleReader
from hakeeper.core.events import RolesQueried
from hakeeper.core.model import Role

SERVICE = "org.keepalived.Vrrp1"
"""`dbus_service_name` in keepalived.conf can change it."""
PATIENCE_S = 0.9
"""For one exchange with the bus. A query may find one under way, so it takes twice as long."""
FIRST_RETRY_S = 1.0
LAST_RETRY_S = 60.0
"""Between two attempts to reach a bus that is not there; doubled from the first to the last."""
CLOSE_S = 0.3
"""How long `close` waits for an exchange under way; its thread ends with the process anyway."""


@dataclass(frozen=True, slots=True)
class BusOwner:
    """keepalived took its name on the bus (`pid`: its VRRP process) or lost it (None).

    A hint to look at once whether it lives (`Liveness.look`); nothing else follows from it. A bus
    that goes away says nothing of keepalived, and so gives no such value.
    """

    pid: int | None


class _WaitsError(BusError):
    """The bus works and has keepalived on it, which lets the question wait."""


def _is_alive(link: Link) -> bool:
    """Say whether the bus itself answers, and keepalived is on it."""
    try:
        return link.pid_of(link.owner, time.monotonic() + PATIENCE_S) is not None
    except BusError:
        return False


class KeepalivedBus:
    """A thread that keeps one connection to the bus; it runs from construction until `close`."""

    def __init__(
        self,
        deliver: Callable[[RolesQueried | BusOwner], None],
        *,
        address: str | None = None,
        service: str = SERVICE,
    ) -> None:
        """`address` None is the system bus: $DBUS_SYSTEM_BUS_ADDRESS or its usual place."""
        self._deliver = deliver
        self._address = address
        self._service = service
        self._queries: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._closing = threading.Event()
        self._wake_fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._link: Link | None = None
        self._owner = ""
        self._roles = RoleReader()
        self._retry_at_s = 0.0
        self._retry_s = FIRST_RETRY_S
        self._thread = threading.Thread(target=self._run, name="keepalived-bus", daemon=True)
        self._thread.start()

    def query(self, query_id: int) -> None:
        """Ask for the roles of all instances; one RolesQueried follows within two seconds."""
        self._queries.put(query_id)
        self._wake()

    def close(self) -> None:
        """End the thread; queries that are still open stay unanswered."""
        self._closing.set()
        self._wake()
        self._thread.join(CLOSE_S)
        if not self._thread.is_alive():
            os.close(self._wake_fd)

    def _wake(self) -> None:
        os.eventfd_write(self._wake_fd, 1)

    # --- on the thread ---------------------------------------------------------------------

    def _run(self) -> None:
        while not self._closing.is_set():
            if self._link is None and time.monotonic() >= self._retry_at_s:
                with contextlib.suppress(BusError):  # it is told to those who ask
                    self._reach(time.monotonic() + PATIENCE_S)
            if not self._closing.is_set():
                self._answer()
            self._hear()
            self._wait()
        self._leave()

    def _answer(self) -> None:
        """Answer all open queries with one reading: each was asked before it began."""
        ids: list[int] = []
        with contextlib.suppress(queue.Empty):
            while True:
                ids.append(self._queries.get_nowait())
        if not ids:
            return
        roles: dict[str, Role] | None = None
        reason, waits = "", False
        try:
            roles = self._read_roles(time.monotonic() + PATIENCE_S)
        except (BusError, CallError, QueryError) as error:
            reason, waits = str(error), isinstance(error, _WaitsError)
        for query_id in ids:
            self._deliver(RolesQueried(query_id, roles, reason, waits))

    def _read_roles(self, deadline_s: float) -> dict[str, Role]:
        link = self._reach(deadline_s)
        try:
            self._send_owner(link, deadline_s)  # what happened to it since we last looked
            return self._roles.read(link, deadline_s)
        except BusError:
            if _is_alive(link):
                raise _WaitsError("keepalived is there, and gives no answer in time") from None
            self._lose()
            raise

    def _reach(self, deadline_s: float) -> Link:
        """Return the open connection, or open one; raises BusError."""
        if self._link is not None:
            return self._link
        try:
            self._link = Link.open(self._address, self._service, deadline_s)
            self._send_owner(self._link, deadline_s)
        except (BusError, CallError) as error:
            self._lose()
            raise BusError(str(error)) from error
        self._retry_s = FIRST_RETRY_S
        return self._link

    def _send_owner(self, link: Link, deadline_s: float) -> None:
        """Tell of every change of owner that the bus has sent by now."""
        link.pump()
        while (owner := link.owner) != self._owner:
            pid = link.pid_of(owner, deadline_s)
            self._owner = owner
            self._deliver(BusOwner(pid))
            link.pump()

    def _hear(self) -> None:
        """Take in what the bus has sent, before sleeping until it sends more."""
        if self._link is not None:
            try:
                self._send_owner(self._link, time.monotonic() + PATIENCE_S)
            except BusError:
                self._lose()

    def _lose(self) -> None:
        self._leave()
        self._retry_at_s = time.monotonic() + self._retry_s
        self._retry_s = min(2 * self._retry_s, LAST_RETRY_S)

    def _leave(self) -> None:
        if self._link is not None:
            self._link.close()
        self._link = None

    def _wait(self) -> None:
        """Sleep until there is something to do."""
        timeout_s = None
        poll = select.poll()  # needs no descriptor: there may be none free
        poll.register(self._wake_fd, select.POLLIN)
        if self._link is None:
            timeout_s = max(0.0, self._retry_at_s - time.monotonic())
        else:
            poll.register(self._link, select.POLLIN)
        ready = {fd for fd, _ in poll.poll(None if timeout_s is None else timeout_s * 1000)}
        if self._wake_fd in ready:
            os.eventfd_read(self._wake_fd)
