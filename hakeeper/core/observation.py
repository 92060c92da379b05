"""What the cloud moves, and who holds it. Only kinds know what a resource really is.

Everything here is what a kind (`kinds/`) makes of its API's answers: keys and texts that the core
compares and passes on, and never looks into.
"""

import ipaddress
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias

IpNetwork: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
Key: TypeAlias = int | str
"""How an API names a thing: some by numbers, some by texts."""


def order_of(key: Key) -> tuple[int, str]:
    """Return what sorts keys: numbers by their size, texts by their letters."""
    return (key, "") if isinstance(key, int) else (0, key)


BY_ID: Final = "id"
"""Naming it by what its API calls it; every kind takes that."""


def label_of(network: IpNetwork) -> str:
    """Return a network for people: a lone address without its prefix length."""
    lone = network.prefixlen == network.max_prefixlen
    return str(network.network_address if lone else network)


BY_NETWORK: Final = "network"
"""Naming it by the address, or all the addresses, that it is."""
BY_NAME: Final = "name"
"""The way of naming a resource that survives if it is renamed later."""
BY_LABEL: Final = "label"
"""Naming all that a selector of labels chooses: none, one or many, which come and go."""


@dataclass(frozen=True, slots=True)
class ResourceRef:
    """How the configuration names a resource. `by`: in which way; the kind knows its ways.

    `within`: the part of the API that it is said to be in, if that is said.
    """

    kind: str
    by: str
    text: str
    within: str = ""

    def __str__(self) -> str:
        """Return it for people."""
        if self.is_selector:
            return f"{self.by} {self.text}"
        return f"{self.text} in {self.within}" if self.within else self.text

    @property
    def is_selector(self) -> bool:
        """Whether it may mean several resources."""
        return self.by == BY_LABEL

    @property
    def network(self) -> IpNetwork | None:
        """Return the address, or all the addresses, that it names, if it names any."""
        try:
            return ipaddress.ip_network(self.text) if self.by == BY_NETWORK else None
        except ValueError:
            return None


@dataclass(frozen=True, slots=True)
class ResourceId:
    """How its API names a resource of this kind."""

    kind: str
    key: Key

    def __str__(self) -> str:
        """Return the API's name for it."""
        return str(self.key)


# --- holders ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Us:
    """This server holds the resource."""


@dataclass(frozen=True, slots=True)
class Other:
    """Another server does."""

    server_id: Key


@dataclass(frozen=True, slots=True)
class Nobody:
    """No server does."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """We do not know the holder; this is not the same as "not us"."""

    reason: str


Holder: TypeAlias = Us | Other | Nobody | Unknown


# --- what a read shows ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """One resource as its API showed it. `server_id` is the holder; None: nobody."""

    id: ResourceId
    label: str
    """What people call it: mostly its address."""
    server_id: Key | None
    name: str = ""
    """Its name at the API, if it has one."""
    network: IpNetwork | None = None
    """The address, or all the addresses, that it is."""
    blocked: bool = False
    """The provider keeps all traffic from it."""
    moving: bool = False
    """It is just being moved: `server_id` may be the old holder or the new one."""
    zone: str = ""
    """Where it can be used, if that is limited: it must be that of the server."""
    part: Key | None = None
    """The part of the API that it is in, and can be listed with; None: its kind has no such."""
    note: tuple[tuple[str, ...], ...] = ()
    """What else its kind needs, for the next step or a selector; only the kind looks into it."""

    def __str__(self) -> str:
        """Return what people call it."""
        return self.label

    def with_holder(self, server_id: Key | None) -> "Observation":
        """Return what is seen of it if this server has it."""
        return replace(self, server_id=server_id, moving=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """A resource of which the API did not say what is needed; None: that cannot be read.

    It may be one of ours. If it is not, it is no concern of ours.
    """

    key: Key | None
    name: str | None
    label: str | None
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of the API that has resources of a kind, such as a network. One may come in pieces."""

    key: Key
    name: str = ""
    network: IpNetwork | None = None
    """All the addresses that may lie in it."""
    rows: tuple[tuple[str, ...], ...] = ()
    """What is in it; only the kind looks into it."""


@dataclass(frozen=True, slots=True)
class Reading:
    """All resources of one kind that the API has, as far as they can be read.

    `parts`: where resources exist without being listed, what the kind finds them in.
    """

    found: tuple[Observation, ...]
    unreadable: tuple[Unreadable, ...] = field(default=())
    parts: tuple[Part, ...] = field(default=())
