"""Where a node lives: a network with the doors of the API, and a resolver's configuration.

The addresses of the API are on the loopback interface of each node's own network. One that is
taken away lies behind a wire that leads nowhere: what is sent to it gets no answer at all, not even
that it is gone.
"""

import socket
import subprocess
import sys
from pathlib import Path
from typing import Final

from hakeeper.demo.lab import Lab
from hakeeper.demo.lab.netns import Namespace
from hakeeper.demo.lab.network import Cable, Switch

NAME: Final = "api.hetzner.test"
ADDRESSES: Final = ("198.51.100.1", "198.51.100.2", "2001:db8:1::1")
"""What the name of the API stands for."""
NOT_THE_API: Final = "198.51.100.66"
"""Nobody is there."""
NAMESERVERS: Final = ("127.0.0.2", "127.0.0.3")
METADATA: Final = "169.254.169.254"
PORT: Final = 443
_WIRE: Final = (
    "link add void type veth peer name nowhere",
    "link set void arp off up",
    "link set nowhere up",
    "address add 198.51.100.254/24 dev void",
    "address add 2001:db8:1::fe/64 dev void nodad",
    f"address add {METADATA}/32 dev lo",
)
_INSIDE: Final = (
    'mount --bind "$0/resolv.conf" /etc/resolv.conf;'
    ' mount --bind "$0/nsswitch.conf" /etc/nsswitch.conf; exec "$@"'
)
_LOOK_UP: Final = """
import socket, sys
try:
    found = socket.getaddrinfo(sys.argv[1], 443, type=socket.SOCK_STREAM)
except socket.gaierror:
    found = []
print(*sorted({one[4][0] for one in found}))
"""


class Room:
    """One node's network namespace."""

    available = Lab.available
    """Why there can be none here, or None if there can."""

    def __init__(self, name: str, folder: Path, switch: Switch) -> None:
        """Make it, well."""
        self._folder = folder
        self.namespace = Namespace(name)
        self._switch = switch
        self.station = switch.plug_in(self.namespace)
        self.namespace.ip(*_WIRE)
        self._here: set[str] = set()
        self._is_link_up = True
        self.reach()
        lines = [f"nameserver {address}\n" for address in NAMESERVERS]
        (folder / "resolv.conf").write_text("".join(lines))
        (folder / "nsswitch.conf").write_text("hosts: dns\n")

    def inside(self, argv: list[str]) -> list[str]:
        """Return the command that runs a program in here; it keeps its pid."""
        shell = ["unshare", "--mount", "sh", "-ec", _INSIDE, str(self._folder), *argv]
        return self.namespace.inside(shell)

    def look_up(self, name: str) -> list[str]:
        """Return the addresses that a program in here finds for a name."""
        done = subprocess.run(
            self.inside([sys.executable, "-c", _LOOK_UP, name]),
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        return done.stdout.split()

    def swallow(self, address: str) -> None:
        """Answer nothing that is sent to an address of the API; open connections too."""
        if address in self._here:
            self._here.discard(address)
            self.namespace.ip(f"address delete {address} dev lo")

    def reach(self) -> None:
        """Have every address of the API where it belongs."""
        for address in ADDRESSES:
            if address not in self._here:
                self._here.add(address)
                bits = 128 if ":" in address else 32
                nodad = " nodad" if ":" in address else ""
                self.namespace.ip(f"address add {address}/{bits} dev lo{nodad}")

    def set_cable(self, cable: Cable) -> None:
        """Cut or repair the private network at this node; a link that is down has no cable."""
        if not self._is_link_up:
            return
        self._switch.set_cable(self.station, cable)

    def link_down(self) -> None:
        """Take the private interface down: keepalived sees it at once."""
        self._is_link_up = False
        self._switch.link_down(self.station)

    def link_up(self) -> None:
        """Have the private network whole."""
        self._switch.link_up(self.station)
        self._is_link_up = True
        self.set_cable(Cable.WHOLE)

    def listen(self, host: str, port: int) -> socket.socket:
        """Return a socket that listens in here."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return self.namespace.made(
            lambda: socket.create_server((host, port), family=family, backlog=128)
        )

    def doors(self) -> list[socket.socket]:
        """Return sockets that listen for the API, for IPv4 and for IPv6."""
        return [
            self.listen(host, PORT) for host in ("0.0.0.0", "::")
        ]  # of a network that holds nothing else

    def close(self) -> None:
        """Let it go."""
        self.namespace.close()
