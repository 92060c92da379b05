"""The networks of two servers at Hetzner: public ones, and a private one that only routes.

A router stands between the servers, as in a real private network: unicast passes, multicast and
ARP of others don't, nor do frames from a MAC address that Hetzner did not give.
"""

import ipaddress

from hakeeper.demo.lab.netns import Namespace
from hakeeper.demo.lab.waiting import LabError
from tests.corpus.server import Server

PUBLIC, PRIVATE = "eth0", "enp7s0"
GATEWAY = "10.0.0.1"
_IPV4 = 4
_CONNECT = """
import socket, sys
try:
    socket.create_connection((sys.argv[1], 9), 1)
except ConnectionRefusedError:
    print("refused")
"""


def _mac(number: int, order: int) -> str:
    return f"96:00:00:00:0{order}:{number:02x}"


class Router(Namespace):
    """The private network 10.0.0.0/16, and 192.0.2.0/24 beside it."""

    def __init__(self) -> None:
        super().__init__("router")
        self.run("sysctl", "-q", "-w", "net.ipv6.conf.all.forwarding=1")
        self.run("sysctl", "-q", "-w", "net.ipv4.ip_forward=1")

    def connect(self, server: Server, number: int) -> None:
        """Give a server its interfaces: its own addresses end with `number`."""
        self.ip(
            f"link add pub{number} type veth peer name {PUBLIC} netns {server.pid}",
            f"link add prv{number} type veth peer name {PRIVATE} netns {server.pid}",
            f"address add {GATEWAY}/32 dev prv{number}",
            f"address add 198.51.100.1/32 dev pub{number}",
            f"link set pub{number} up",
            f"link set prv{number} up",
            f"route add 10.0.0.{number} dev prv{number}",
            f"route add 198.51.100.{number} dev pub{number}",
            f"address add 2001:db8:{number}::ffff/64 dev pub{number} nodad",
        )
        self._keep_strangers_out(number)
        server.ip(
            f"link set {PUBLIC} address {_mac(number, 0)}",
            f"link set {PRIVATE} address {_mac(number, 1)}",
            f"link set {PUBLIC} up",
            f"link set {PRIVATE} up",
            f"address add 198.51.100.{number}/32 dev {PUBLIC}",
            f"address add 2001:db8:{number}::1/64 dev {PUBLIC} nodad",
            f"address add 10.0.0.{number}/32 dev {PRIVATE}",
            f"route add {GATEWAY} dev {PRIVATE}",
            f"route add 10.0.0.0/16 via {GATEWAY} dev {PRIVATE}",
            f"route add 198.51.100.1 dev {PUBLIC}",
            f"route add default via 198.51.100.1 dev {PUBLIC}",
            f"route add default via 2001:db8:{number}::ffff dev {PUBLIC}",
        )

    def _keep_strangers_out(self, number: int) -> None:
        """Take frames from the MAC addresses of the server's own interfaces only."""
        rules = "".join(
            f"chain {port} {{ type filter hook ingress device {port}{number} priority 0;"
            f" ether saddr != {_mac(number, order)} drop; }}\n"
            for order, port in enumerate(("pub", "prv"))
        )
        self.run("nft", "-f", "-", given=f"table netdev own{number} {{\n{rules}}}\n")

    def deliver(self, network: str, number: int) -> None:
        """Send what is for a floating IP to this server, as Hetzner does after an assign."""
        version = ipaddress.ip_network(network).version
        gateway = f"198.51.100.{number}" if version == _IPV4 else f"2001:db8:{number}::1"
        self.ip(f"route replace {network} via {gateway} dev pub{number}")

    def is_answered(self, ip: str) -> bool:
        """Say whether anything comes back from an address: a refusal will do."""
        try:
            said = self.run("python3", "-S", "-E", "-c", _CONNECT, ip)
        except LabError:
            return False
        return "refused" in said
