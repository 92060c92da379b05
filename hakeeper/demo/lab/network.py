"""A switch and cables: one bridge in its own namespace, and one veth pair per node.

Cuts are made at the switch's ports. That keeps the carrier of the nodes' links up, needs no packet
filter, and can affect one direction only.
"""

import enum
from dataclasses import dataclass

from hakeeper.demo.lab.netns import Namespace

INTERFACE = "eth0"
NETWORK, RANGE = "internal", "10.99.0.0/24"
"""The private network: its name at the cloud, and the range of the nodes' addresses."""


class Cable(enum.Enum):
    """What a node's port at the switch forwards."""

    WHOLE = "whole"
    CUT = "cut"
    """Nothing, both ways."""
    ISOLATED = "isolated"
    """Frames from the node only: it cannot hear the others."""
    MUTE = "mute"
    """Frames to the node only: the others cannot hear it."""


_FLAGS = {
    Cable.WHOLE: "flood on mcast_flood on bcast_flood on learning on",
    Cable.CUT: "flood on mcast_flood on bcast_flood on learning on",
    # Without a learnt address every frame to the node is a flooded one.
    Cable.ISOLATED: "flood off mcast_flood off bcast_flood off learning off",
    Cable.MUTE: "flood on mcast_flood on bcast_flood on learning on",
}
_FORWARDING, _DISABLED = "3", "0"
_UNUSED_MAC = "02:00:00:00:ff:ff"
"""A MAC address that no station has."""


@dataclass(frozen=True, slots=True)
class Station:
    """A node's end of a cable."""

    namespace: Namespace
    number: int

    @property
    def ip(self) -> str:
        """Its private address, without prefix length."""
        return f"10.99.0.{self.number}"

    @property
    def mac(self) -> str:
        """Its MAC address, locally administered."""
        return f"02:00:00:00:00:{self.number:02x}"

    @property
    def port(self) -> str:
        """The name of the other end of its cable, in the switch."""
        return f"port{self.number}"


class Switch:
    """The private network of the nodes."""

    def __init__(self, namespace: Namespace) -> None:
        self.namespace = namespace
        self._stations: list[Station] = []
        self._cables: dict[int, Cable] = {}
        namespace.ip("link add br0 type bridge mcast_snooping 0", "link set br0 up")

    def plug_in(self, node: Namespace) -> Station:
        """Connect a node and give it the next address; must happen before its keepalived starts."""
        station = Station(node, len(self._stations) + 1)
        self.namespace.ip(
            f"link add {station.port} type veth peer name {INTERFACE} netns {node.pid}",
            f"link set {station.port} master br0 up",
        )
        node.ip(
            f"link set {INTERFACE} address {station.mac}",
            f"address add {station.ip}/24 dev {INTERFACE}",
            f"link set {INTERFACE} up",
        )
        self._stations.append(station)
        self._cables[station.number] = Cable.WHOLE
        for one in self._stations:
            self._introduce(one)
        return station

    def _introduce(self, station: Station) -> None:
        """Make the neighbour entries permanent, since an isolated node gets no ARP replies.

        A mute node gets wrong addresses instead: no setting of a switch port blocks that direction
        only.
        """
        mute = self._cables[station.number] is Cable.MUTE
        station.namespace.ip(
            *(
                f"neighbour replace {other.ip} lladdr {_UNUSED_MAC if mute else other.mac} "
                f"nud permanent dev {INTERFACE}"
                for other in self._stations
                if other != station
            )
        )

    def set_cable(self, station: Station, cable: Cable) -> None:
        """Cut or repair; takes effect at once."""
        was_mute = self._cables[station.number] is Cable.MUTE
        self._cables[station.number] = cable
        if was_mute or cable is Cable.MUTE:
            self._introduce(station)
        port = station.port
        # The state comes last: any other change of the port sets it to forwarding.
        self.namespace.run("bridge", "link", "set", "dev", port, *_FLAGS[cable].split())
        self.namespace.ip(f"link set {port} type bridge_slave fdb_flush")
        state = _DISABLED if cable is Cable.CUT else _FORWARDING
        self.namespace.run("bridge", "link", "set", "dev", port, "state", state)

    def link_down(self, station: Station) -> None:
        """Take the node's interface down, which the node notices at once."""
        station.namespace.ip(f"link set {INTERFACE} down")

    def link_up(self, station: Station) -> None:
        """Bring the node's interface up again, as it was before."""
        station.namespace.ip(f"link set {INTERFACE} up")
        self._introduce(station)
        self.set_cable(station, self._cables[station.number])

    def remove_address(self, station: Station) -> None:
        """Remove the node's private address, as a lost DHCP lease does."""
        station.namespace.ip(f"address delete {station.ip}/24 dev {INTERFACE}")

    def restore_address(self, station: Station) -> None:
        """Give the private address back."""
        station.namespace.ip(f"address add {station.ip}/24 dev {INTERFACE}")
