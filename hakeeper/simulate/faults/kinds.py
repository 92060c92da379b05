"""The kinds of fault that the world can inject, each with its code in docs/dev/evidence.md.

A for the API, F for the FIFO, P for processes and hosts, V for VRRP, N for private networks. Which
of the catalogue are injected elsewhere (real processes, real keepalived) stands there too.
"""

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


class Scope(enum.Enum):
    """Whom a fault strikes."""

    ANY = "one node's way to the API, or everybody's"
    NODE = "one node"
    PAIR = "the links between two nodes"
    CLOUD = "the cloud itself"


class Kind(enum.Enum):
    """One kind of fault. The value is its name in plans, tables and commands."""

    # --- the API
    ERROR_5XX = "A1-5xx"
    GATEWAY = "A1-gateway"
    THROTTLED = "A2-throttled"
    QUOTA_EATEN = "A2-quota-eaten"
    SPENDERS = "A2-spenders"
    REFUSED = "A3-refused"
    BLACKHOLE = "A4-blackhole"
    LOST_REQUEST = "A5-lost-request"
    LOST_ANSWER = "A6-lost-answer"
    SLOW_DRIP = "A7-slow-drip"
    HALF_OPEN = "A8-half-open"
    DNS = "A9-dns"
    TLS = "A10-tls"
    ACTION_ERROR = "A11-action-error"
    ACTION_SLOW = "A12-action-slow"
    ACTION_ENDLESS = "A12-action-endless"
    STALE_READ = "A13-stale-read"
    LAGGING = "A13-lagging"
    LOCKED = "A14-locked"
    SOME_LOCKED = "A14-some-locked"
    GONE = "A16-gone"
    UNAUTHORIZED = "A17-unauthorized"
    READ_ONLY = "A17-read-only"
    MALFORMED = "A18-malformed"
    LATE_LANDING = "A19-late-landing"
    DUPLICATED = "A20-duplicated"
    OTHER_ACTOR = "A21-other-actor"
    OUTAGE = "A22-outage"
    PAGE_SLIP = "A23-page-slip"
    SLOW = "A24-slow"
    LOST_WRITE = "A25-lost-write"
    # --- the FIFO
    GARBAGE = "F1-garbage"
    HALF_LINE = "F2-half-line"
    LONG_LINE = "F3-long-line"
    OVERFLOW = "F4-overflow"
    BACKLOG = "F5-backlog"
    FIFO_REPLACED = "F7-replaced"
    NOT_A_FIFO = "F8-not-a-fifo"
    FIFO_MISSING = "F9-missing"
    FIFO_DENIED = "F10-denied"
    STOLEN_LINES = "F11-stolen-lines"
    UNKNOWN_NAMES = "F12-unknown-names"
    REPEATED_LINES = "F13-repeated-lines"
    STRAY_LINES = "F14-stray-lines"
    LINE_STORM = "F15-line-storm"
    # --- processes and hosts
    CRASH = "P1-crash-at-a-boundary"
    HANG = "P2-hang"
    HANG_IN_CALL = "P2-hang-in-a-call"
    DISK_FULL = "P5-disk-full"
    STATE_TORN = "P6-state-torn"
    STATE_OLD = "P6-state-old"
    CLOCK_JUMP = "P8-clock-jump"
    RESTART = "P10-restart"
    RELOAD = "P10-reload"
    POWER_CUT = "P15-power-cut"
    BUS_GONE = "P16-bus-gone"
    WRONG_METADATA = "P17-wrong-metadata"
    PAUSE = "P18-pause"
    STEP_DOWN = "P19-step-down"
    TAKE = "P20-take"
    # --- VRRP
    FAILOVER = "V1-failover"
    FLAP = "V2-flap"
    FLAP_ONE = "V2-flap-one"
    SPLIT = "V3-split"
    ONE_WAY = "V4-one-way"
    NOBODY = "V5-nobody"
    KEEPALIVED_KILLED = "V6-keepalived-killed"
    CHILD_CRASH = "V6-child-crash"
    KEEPALIVED_FROZEN = "V6-keepalived-frozen"
    KEEPALIVED_HUNG = "V6-keepalived-hung"
    PRIORITY = "V8-priority"
    KEEPALIVED_RELOAD = "V11-reload"
    BROKEN_RELOAD = "V12-broken-reload"
    NO_ADDRESS = "V13-no-address"
    # --- private networks
    FOREIGN_ALIAS = "N1-foreign-alias"
    NO_ROOM = "N2-no-room"
    NOT_ATTACHED = "N3-not-attached"
    # --- dedicated servers
    NO_MAIN_IP = "R1-no-main-ip"


OF_NETWORKS = frozenset({Kind.FOREIGN_ALIAS, Kind.NO_ROOM, Kind.NOT_ATTACHED})
"""Kinds that only a world with alias IPs can have."""
OF_ROBOT = frozenset({Kind.NO_MAIN_IP})
"""Kinds that only a world with failover IPs can have."""
OF_ALL = tuple(kind for kind in Kind if kind not in OF_NETWORKS | OF_ROBOT)
"""Kinds that a world can have whatever is moved in it."""
OBSTACLES = frozenset({Kind.NO_ROOM, Kind.NOT_ATTACHED})
"""Kinds that keep a server from having a resource: somebody has to make room for it first."""
API_FAULTS = frozenset(
    {
        Kind.ERROR_5XX,
        Kind.GATEWAY,
        Kind.THROTTLED,
        Kind.REFUSED,
        Kind.BLACKHOLE,
        Kind.LOST_REQUEST,
        Kind.LOST_ANSWER,
        Kind.SLOW_DRIP,
        Kind.HALF_OPEN,
        Kind.DNS,
        Kind.TLS,
        Kind.LOCKED,
        Kind.UNAUTHORIZED,
        Kind.READ_ONLY,
        Kind.MALFORMED,
        Kind.LATE_LANDING,
        Kind.DUPLICATED,
        Kind.OUTAGE,
        Kind.SLOW,
        Kind.LAGGING,
    }
)
"""Kinds that strike a node's calls for as long as they last."""
CLOUD_STATE = frozenset(
    {
        Kind.QUOTA_EATEN,
        Kind.ACTION_ERROR,
        Kind.ACTION_SLOW,
        Kind.ACTION_ENDLESS,
        Kind.STALE_READ,
        Kind.GONE,
        Kind.OTHER_ACTOR,
        Kind.PAGE_SLIP,
        Kind.LOST_WRITE,
        Kind.SOME_LOCKED,
        Kind.SPENDERS,
    }
)
"""Kinds that change the cloud for everybody."""
HARMLESS = frozenset({Kind.LAGGING, Kind.SOME_LOCKED})
"""Kinds in spite of which every promise is kept (to the addresses that are not locked)."""
OF_RESOURCES = frozenset({Kind.GONE, Kind.PAGE_SLIP, Kind.OTHER_ACTOR, Kind.SOME_LOCKED})
"""Those of them that strike some resources, whatever API moves them."""
OF_ONE = frozenset({Kind.GONE, Kind.PAGE_SLIP})
"""Kinds that hide one resource, with what is in the same part of the API."""
MOVE_LATE = frozenset({Kind.LATE_LANDING, Kind.ACTION_SLOW, Kind.DUPLICATED})
"""Kinds that may still move a holder when they are over."""
LINKS = frozenset({Kind.SPLIT, Kind.ONE_WAY})
"""Kinds that cut links between nodes."""
LOSES_ROLES = frozenset(
    {
        Kind.OVERFLOW,
        Kind.NOT_A_FIFO,
        Kind.FIFO_MISSING,
        Kind.FIFO_DENIED,
        Kind.STOLEN_LINES,
        Kind.STRAY_LINES,
        Kind.FIFO_REPLACED,
        Kind.BACKLOG,
    }
)
"""Kinds after which a hakeeper without D-Bus may rightly not know its role, or be misled."""


def scope_of(kind: Kind) -> Scope:
    """Say whom this kind strikes."""
    if kind is Kind.OUTAGE or kind in CLOUD_STATE:
        return Scope.CLOUD
    if kind in API_FAULTS:
        return Scope.ANY
    return Scope.PAIR if kind in LINKS else Scope.NODE


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of a plan.

    `at_s` is seconds after the beginning, `lasts_s` how long it stays, `node` and `other` are
    numbers of nodes (None: everybody), `value` is what the kind makes of it (between 0 and 1), and
    `serial` seeds the chance of this fault alone, so that taking others away does not change it.
    """

    kind: Kind
    at_s: float
    lasts_s: float
    node: int | None
    other: int
    value: float
    serial: int
    api: str = ""
    """The API that it strikes; empty: it is about none, or the world has one only."""

    @property
    def until_s(self) -> float:
        """When it has ended."""
        return self.at_s + self.lasts_s

    def one_of(self, things: Sequence[T]) -> T:
        """Return the one of these that it strikes."""
        return things[int(self.value * len(things))]
