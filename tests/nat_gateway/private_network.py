"""Hetzner's private network as its documentation has it: on layer 3, through a router of its own.

A server's link leads to the network's first address and nowhere else. Packets of the alias IP, and
those of the route whose gateway it is, go to the server that has it in the simulated cloud, and
nowhere if none has. ARP changes nothing.
"""

import contextlib
import threading
from collections.abc import Iterator, Mapping

from hakeeper.demo.cloud import SimCloud
from hakeeper.demo.lab.netns import Namespace

ALIAS, RANGE, FIRST = "10.0.0.100", "10.0.0.0/16", "10.0.0.1"
CLIENT = "10.0.0.10"
"""A server behind the gateways."""
PRIVATE = "enp7s0"
"""A server's interface, named as at Hetzner."""


class PrivateNetwork:
    """The router; its namespace ends with the stack."""

    def __init__(self, stack: contextlib.ExitStack) -> None:
        self.namespace = stack.enter_context(Namespace("sdn"))
        # No redirects: two servers may share one of its links, and have to go through it all the
        # same.
        self.namespace.run(
            *("sysctl", "-qw", "net.ipv4.ip_forward=1"),
            *(f"net.ipv4.conf.{each}.send_redirects=0" for each in ("all", "default")),
        )
        self.delivers_to: int | None = None
        """The server that gets the packets of the alias IP."""

    def attach(self, server: Namespace, name: str, ip: str) -> None:
        """Attach a server by a link of its own, with the routes that Hetzner gives it."""
        port = f"to-{name}"
        self.namespace.ip(f"link add {port} type veth peer name {PRIVATE} netns {server.pid}")
        server.ip(
            f"address add {ip}/32 dev {PRIVATE}",
            f"link set {PRIVATE} up",
            f"route add {FIRST} dev {PRIVATE} src {ip}",
            f"route add {RANGE} via {FIRST} dev {PRIVATE} src {ip}",
        )
        self.serve(port, ip)

    def serve(self, port: str, *ips: str) -> None:
        """Be the first address on a link, behind which are servers with these addresses."""
        self.namespace.ip(
            f"address add {FIRST}/32 dev {port}",
            f"link set {port} up",
            *(f"route add {ip}/32 dev {port}" for ip in ips),
        )

    @contextlib.contextmanager
    def delivery(self, cloud: SimCloud, network: int, ways: Mapping[int, str]) -> Iterator[None]:
        """Deliver to whoever has the alias IP; `ways`: for each server the rest of a route."""
        stop = threading.Event()

        def follow() -> None:
            version, last = -1, None
            while not stop.is_set():
                version = cloud.call("wait", after_version=version, timeout_s=0.5)
                holder = cloud.aliases(network).get(ALIAS)
                way = "" if holder is None else ways[holder]
                kind = "" if way else "blackhole "
                if way != last:
                    # The route of the network, 0.0.0.0/0 via the alias IP.
                    self.namespace.ip(
                        f"route replace {kind}{ALIAS}/32 {way}",
                        f"route replace {kind}default {way}",
                    )
                last = way
                self.delivers_to = holder

        thread = threading.Thread(target=follow, name="delivery")
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()
