"""Alias IPs of a pair's private network: who has which, who may write what, where packets go.

And the faults that meet a move between its two steps.
"""

import http.client
import itertools
from collections.abc import Callable, Iterator, Mapping
from typing import Self

from hakeeper.demo.cloud import Fault, LoggedRequest, SimCloud
from tests.e2e.lan import Lan
from tests.e2e.machine import PATIENCE_S, Entry

GATEWAY = "10.0.0.1"
"""The test itself on the private network, when it delivers packets there."""
_VISIT_S = 10.0
SECOND = Fault(client="web-b", method="POST", path="/change_alias_ips$", skip=1)
"""What web-b sends first takes them from their holder; what it sends then makes them its own."""


def wait_for_hits(cloud: SimCloud, fault: int, count: int = 1) -> None:
    """Wait until a fault has met so many requests."""

    def met() -> bool:
        return any(one.id == fault and one.hits >= count for one in cloud.faults())

    cloud.wait_for(met, PATIENCE_S)


def about(ip: str) -> Callable[[Entry], bool]:
    """Return the condition that a journal entry is about this address."""
    return lambda entry: bool(entry["HAKEEPER_ADDRESS"] == ip)


class Aliases:
    """Those of one network: some follow the master, and those of somebody else stay."""

    def __init__(
        self,
        cloud: SimCloud,
        network: int,
        *,
        moving: tuple[str, ...],
        foreign: Mapping[int, str],
        servers: Mapping[str, int],
    ) -> None:
        """`foreign`: one for each server that has one; `servers`: whose writes are allowed."""
        self._cloud = cloud
        self._network = network
        self.moving = moving
        self._foreign = dict(foreign)
        self._servers = dict(servers)

    def holders(self) -> dict[str, int | None]:
        """Which server has each of those that move."""
        now = self._cloud.aliases(self._network)
        return {ip: now.get(ip) for ip in self.moving}

    def misplaced(self, server: int) -> str:
        """Say what is not as it should be while this server is the master's; empty: all is."""
        now = self._cloud.aliases(self._network)
        wanted = {ip: of for of, ip in self._foreign.items()} | dict.fromkeys(self.moving, server)
        return "" if now == wanted else f"the alias IPs are {now} and should be {wanted}"

    def takings(self, after_s: float) -> list[tuple[str, str]]:
        """Return who took which of those that move, since a time on the cloud's clock."""
        return [
            (change.cause, change.ip)
            for change in self._cloud.alias_moves(self._network)
            if change.new is not None and change.at_s > after_s
        ]

    def objection(self, write: LoggedRequest) -> str | None:
        """Say why nobody may ever send this list, master or not."""
        if write.network != self._network:
            return f"which is not of network {self._network}"
        given = set(write.alias_ips or ())
        kept = self._foreign.get(write.server or 0)
        if kept is not None and kept not in given:
            return f"which takes {kept} away, and that is somebody else's"
        if given - {kept} - set(self.moving):
            return "which adds what nobody has configured"
        return None

    def wrong_changes(self) -> Iterator[str]:
        """Name what the machines did in the cloud and must not do."""
        for change in self._cloud.alias_moves(self._network):
            own = self._servers.get(change.cause)
            if own is None:  # the test itself
                continue
            what = f"{change.at_s:.3f}: {change.cause} moved {change.ip}"
            if change.ip not in self.moving:
                yield f"{what}, which is somebody else's"
            if change.new not in {None, own}:
                yield f"{what} to server {change.new}, which is not its own"


class Gateway:
    """Delivers packets for alias IPs to their holder, as the gateway of a private network does.

    It is a host of its own there: the namespace of the test.
    """

    def __init__(self, lan: Lan) -> None:
        self._lan = lan
        self._numbers = itertools.count(1)
        lan.have_address(f"{GATEWAY}/24")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the address to whoever wants to be that gateway next."""
        self._lan.give_up_address(f"{GATEWAY}/24")

    def deliver(self, ip: str, via: str) -> None:
        """Send what is for an alias IP to the server with this address of its own."""
        self._lan.route(ip, via)

    def visit(self, ip: str) -> str:
        """Ask the web server at an address for its page; an OSError tells that none answers."""
        connection = http.client.HTTPConnection(ip, timeout=_VISIT_S)
        try:
            connection.request("GET", f"/?{next(self._numbers)}")
            return connection.getresponse().read().decode().strip()
        finally:
            connection.close()
