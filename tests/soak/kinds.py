"""The kinds of fault that a soak knows."""

import enum


class Family(enum.Enum):
    """What a fault takes hold of; a node has one fault of a family at a time."""

    KEEPALIVED = "keepalived"
    NETWORK = "network"
    HEALTH = "health"
    HAKEEPER = "hakeeper"
    API = "api"
    HAND = "hand"


class Kind(enum.Enum):
    """One kind of fault: its name in reports."""

    KILL_ALL = "kill -9 of keepalived"
    KILL_CHILD = "kill -9 of its VRRP child"
    STOP = "orderly stop"
    FREEZE = "SIGSTOP of keepalived"
    RELOAD = "reload, nothing changed"
    PRIORITY = "reload with changed priority"
    BROKEN = "reload with a broken file"
    CUT = "full cut"
    ISOLATED = "one-way cut, isolated"
    MUTE = "one-way cut, mute"
    LINK = "link down"
    SCRIPT = "track script fails"
    DAEMON_KILL = "hakeeper kill -9"
    DAEMON_TERM = "hakeeper SIGTERM"
    DAEMON_FREEZE = "hakeeper SIGSTOP"
    DAEMON_RELOAD = "hakeeper SIGHUP"
    FIFO = "FIFO replaced"
    API_500 = "API answers 500"
    API_503 = "API answers 503"
    API_504 = "assign done, answer 504"
    API_HANG = "API never answers"
    API_RESET = "API resets connections"
    API_LOST = "assign done, answer lost"
    API_429 = "API answers 429"
    API_LATE = "assign takes effect late"
    API_SLOW = "slow action"
    API_REFUSED = "API unreachable, refused"
    API_SILENT = "API unreachable, silent"
    TAKEN = "moved to another server by hand"
    UNASSIGNED = "unassigned by hand"

    @property
    def family(self) -> Family:
        """What it takes hold of."""
        return _FAMILIES[self]

    @property
    def moves_vrrp(self) -> bool:
        """Whether it can make another node MASTER."""
        return self.family in _VRRP


_VRRP = frozenset({Family.KEEPALIVED, Family.NETWORK, Family.HEALTH})
_MEMBERS = {
    Family.KEEPALIVED: (
        Kind.KILL_ALL,
        Kind.KILL_CHILD,
        Kind.STOP,
        Kind.FREEZE,
        Kind.RELOAD,
        Kind.PRIORITY,
        Kind.BROKEN,
    ),
    Family.NETWORK: (Kind.CUT, Kind.ISOLATED, Kind.MUTE, Kind.LINK),
    Family.HEALTH: (Kind.SCRIPT,),
    Family.HAKEEPER: (
        Kind.DAEMON_KILL,
        Kind.DAEMON_TERM,
        Kind.DAEMON_FREEZE,
        Kind.DAEMON_RELOAD,
        # Not together with a restart: what keepalived writes into a pipe that nobody can open
        # any more is lost, and then no assign can be told right from wrong by it.
        Kind.FIFO,
    ),
    Family.API: (
        Kind.API_500,
        Kind.API_503,
        Kind.API_504,
        Kind.API_HANG,
        Kind.API_RESET,
        Kind.API_LOST,
        Kind.API_429,
        Kind.API_LATE,
        Kind.API_SLOW,
        Kind.API_REFUSED,
        Kind.API_SILENT,
    ),
    Family.HAND: (Kind.TAKEN, Kind.UNASSIGNED),
}
_FAMILIES = {kind: family for family, kinds in _MEMBERS.items() for kind in kinds}
VRRP_KINDS = tuple(kind for kind in Kind if kind.moves_vrrp)
OTHER_KINDS = tuple(kind for kind in Kind if not kind.moves_vrrp)
