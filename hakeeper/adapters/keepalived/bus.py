"""A thread that queries and watches keepalived's D-Bus service.

Values go in (`query`) and come out (`deliver`, called on the thread). The thread sleeps without a
timer while nothing happens; only without a bus it retries at intervals.
"""

import contextlib
import os
import queue
import select
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from hakeeper.adapters.keepalived.bus_connection import BusConnection, BusError, CallError
from hakeeper.adapters.keepalived.dbus_roles import QueryError, RoleReader
from hakeeper.core.events import RolesQueried
from hakeeper.core.model import Role

SERVICE = "org.keepalived.Vrrp1"
"""The default name; `dbus_service_name` in keepalived.conf can change it."""
PATIENCE_S = 0.9
"""For one exchange with the bus. A query may wait for a running one, so it can take twice that."""
FIRST_RETRY_S = 1.0
LAST_RETRY_S = 60.0
"""The delay between attempts to reach the bus; doubled each time, up to the last."""
CLOSE_S = 0.3
"""How long `close` waits for a running exchange; the thread ends with the process anyway."""


@dataclass(frozen=True, slots=True)
class BusOwner:
    """keepalived acquired its name on the bus (`pid`: its VRRP process) or lost it (None).

    Only a hint to check at once whether keepalived lives (`Liveness.look`). Losing the bus itself
    says nothing about keepalived, and does not produce this event.
    """

    pid: int | None


class _NoAnswerError(BusError):
    """The bus works and keepalived is on it, but does not answer in time."""


def _is_alive(link: BusConnection) -> bool:
    """Say whether the bus itself answers, and keepalived is on it."""
    try:
        return link.pid_of(link.owner, time.monotonic() + PATIENCE_S) is not None
    except BusError:
        return False


class KeepalivedBus:
    """A thread with one connection to the bus; it runs from construction until `close`."""

    def __init__(
        self,
        deliver: Callable[[RolesQueried | BusOwner], None],
        *,
        address: str | None = None,
        service: str = SERVICE,
    ) -> None:
        """Start the thread; `address` None: the system bus, as in $DBUS_SYSTEM_BUS_ADDRESS."""
        self._deliver = deliver
        self._address = address
        self._service = service
        self._queries: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._closing = threading.Event()
        self._wake_fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._link: BusConnection | None = None
        self._owner = ""
        self._roles = RoleReader()
        self._retry_at_s = 0.0
        self._retry_s = FIRST_RETRY_S
        self._thread = threading.Thread(target=self._run, name="keepalived-bus", daemon=True)
        self._thread.start()

    def query(self, query_id: int) -> None:
        """Request the roles of all instances; one RolesQueried follows within two seconds."""
        self._queries.put(query_id)
        self._wake()

    def close(self) -> None:
        """End the thread; open queries stay unanswered."""
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
                with contextlib.suppress(BusError):  # a query reports it
                    self._connected(time.monotonic() + PATIENCE_S)
            if not self._closing.is_set():
                self._answer()
            self._receive()
            self._wait()
        self._disconnect()

    def _answer(self) -> None:
        """Answer all open queries with one reading, which starts after all of them."""
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
            reason, waits = str(error), isinstance(error, _NoAnswerError)
        for query_id in ids:
            self._deliver(RolesQueried(query_id, roles, reason, waits))

    def _read_roles(self, deadline_s: float) -> dict[str, Role]:
        link = self._connected(deadline_s)
        try:
            self._send_owner(link, deadline_s)  # changes since the last reading
            return self._roles.read(link, deadline_s)
        except BusError:
            if _is_alive(link):
                raise _NoAnswerError(
                    "keepalived is on the bus, but does not answer in time"
                ) from None
            self._disconnect_and_retry_later()
            raise

    def _connected(self, deadline_s: float) -> BusConnection:
        """Return the open connection, or open one; raises BusError."""
        if self._link is not None:
            return self._link
        try:
            self._link = BusConnection.open(self._address, self._service, deadline_s)
            self._send_owner(self._link, deadline_s)
        except (BusError, CallError) as error:
            self._disconnect_and_retry_later()
            raise BusError(str(error)) from error
        self._retry_s = FIRST_RETRY_S
        return self._link

    def _send_owner(self, link: BusConnection, deadline_s: float) -> None:
        """Deliver every change of the name's owner that the bus has sent."""
        link.pump()
        while (owner := link.owner) != self._owner:
            pid = link.pid_of(owner, deadline_s)
            self._owner = owner
            self._deliver(BusOwner(pid))
            link.pump()

    def _receive(self) -> None:
        """Process what the bus has sent, before sleeping until it sends more."""
        if self._link is not None:
            try:
                self._send_owner(self._link, time.monotonic() + PATIENCE_S)
            except BusError:
                self._disconnect_and_retry_later()

    def _disconnect_and_retry_later(self) -> None:
        self._disconnect()
        self._retry_at_s = time.monotonic() + self._retry_s
        self._retry_s = min(2 * self._retry_s, LAST_RETRY_S)

    def _disconnect(self) -> None:
        if self._link is not None:
            self._link.close()
        self._link = None

    def _wait(self) -> None:
        """Sleep until there is something to do."""
        timeout_s = None
        poll = select.poll()  # needs no descriptor of its own: there may be none free
        poll.register(self._wake_fd, select.POLLIN)
        if self._link is None:
            timeout_s = max(0.0, self._retry_at_s - time.monotonic())
        else:
            poll.register(self._link, select.POLLIN)
        ready = {fd for fd, _ in poll.poll(None if timeout_s is None else timeout_s * 1000)}
        if self._wake_fd in ready:
            os.eventfd_read(self._wake_fd)
