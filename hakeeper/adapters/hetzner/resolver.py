"""The addresses of the API's host name, looked up beside the calls and never in their time.

glibc waits five seconds for each nameserver that is dead, as long as a call may take in all. So a
thread of its own asks, one question at a time; an answer that comes too late for one call is there
for the next, and the last answer is kept while no new one comes.
"""

import ipaddress
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeAlias

SockAddr: TypeAlias = tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]
Target: TypeAlias = tuple[socket.AddressFamily, SockAddr]
"""Where to connect to."""


def _numeric(host: str, port: int) -> tuple[Target, ...]:
    """Return what a host is that is an address itself; nothing for a name."""
    try:
        version = ipaddress.ip_address(host).version
    except ValueError:
        return ()
    if version == 6:  # noqa: PLR2004  # IPv6
        return ((socket.AF_INET6, (host, port, 0, 0)),)
    return ((socket.AF_INET, (host, port)),)


class Resolver:
    """Looks up one host and port; `begin` starts the thread, `close` ends it."""

    def __init__(self, host: str, port: int) -> None:
        """Know nothing yet."""
        self._host = host
        self._port = port
        self._changed = threading.Condition()
        self._waiting: list[Callable[[], None]] = []
        self._is_asked = False
        self._is_busy = False
        self._is_closed = False
        self._found = _numeric(host, port)
        self._problem = ""
        self.thread = threading.Thread(target=self._run, name="hetzner-resolver", daemon=True)

    @property
    def found(self) -> tuple[Target, ...]:
        """The last answer that named an address, however old; empty before the first."""
        return self._found

    @property
    def problem(self) -> str:
        """Why the last question failed; empty if it did not."""
        return self._problem

    def begin(self) -> None:
        """Start the thread. RuntimeError: this process may have no more."""
        self.thread.start()

    def ask(self, notify: Callable[[], None]) -> None:
        """Have it looked up; `notify` is called from the thread when that is done.

        A question that is under way is shared. `notify` must be quick and not raise; asked twice,
        it is called once.
        """
        with self._changed:
            if notify not in self._waiting:
                self._waiting.append(notify)
            self._is_asked = self._is_asked or not self._is_busy
            self._changed.notify_all()

    def learn(self, found: tuple[Target, ...]) -> None:
        """Take over an answer to the same question; one of our own outdoes it."""
        with self._changed:
            self._found = self._found or found

    def forget(self, notify: Callable[[], None]) -> None:
        """Call it no more; when this returns, it is not being called either."""
        with self._changed, suppress(ValueError):
            self._waiting.remove(notify)

    def close(self) -> None:
        """End the thread; one that waits for a nameserver ends when that wait does."""
        with self._changed:
            self._is_closed = True
            self._waiting.clear()
            self._changed.notify_all()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._is_asked or self._is_closed)
                if self._is_closed:
                    return
                self._is_asked, self._is_busy = False, True
            found, problem = self._look_up()
            with self._changed:
                self._is_busy = False
                self._found, self._problem = found or self._found, problem
                waiting, self._waiting = self._waiting, []
                for notify in waiting:
                    notify()

    def _look_up(self) -> tuple[tuple[Target, ...], str]:
        where = f"{self._host} port {self._port}"
        try:
            infos = socket.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            return (), f"cannot resolve {where}: {error}"
        found = tuple((family, address) for family, _, _, _, address in infos)
        return found, "" if found else f"{where} has no address"
