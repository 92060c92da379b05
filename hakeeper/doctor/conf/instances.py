"""One `vrrp_instance`, read line by line as keepalived does."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from hakeeper.core.model import IpAddress
from hakeeper.doctor.conf.addresses import (
    LABEL_LIMIT,
    IpInterface,
    number_at_start,
    to_number,
    to_peer,
    to_vip,
)
from hakeeper.doctor.conf.records import Ignored, Unread
from hakeeper.doctor.conf.scripts import NOTIFIES, Command, Tracked, first_commands
from hakeeper.doctor.conf.switches import switched_on
from hakeeper.doctor.conf.syntax import Statement
from hakeeper.doctor.finding import Place

DEFAULT_PRIORITY: Final = 100
OWNER_PRIORITY: Final = 255
_VIPS: Final = ("virtual_ipaddress", "virtual_ipaddress_excluded")
_SOURCES: Final = ("unicast_src_ip", "mcast_src_ip")
_VERSIONS: Final = (2, 3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """An IP address and its place in the file."""

    ip: IpAddress
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Vip:
    """One line of `virtual_ipaddress`; the default prefix is /32 or /128."""

    interface: IpInterface
    device: str | None
    place: Place
    is_excluded: bool = False
    """Whether it is in `virtual_ipaddress_excluded`."""
    is_tracked: bool = True
    """Whether keepalived reacts when it is removed (no `no_track`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """One `vrrp_instance`."""

    name: str
    place: Place
    interface: str | None = None
    interface_place: Place | None = None
    version: int | None = None
    source: Address | None = None
    """`unicast_src_ip`."""
    peers: tuple[Address, ...] = ()
    vips: tuple[Vip, ...] = ()
    keywords: Mapping[str, Place] = field(default_factory=dict)
    state: str = "BACKUP"
    """Its initial state, MASTER or BACKUP; members of a group start as BACKUP in any case."""
    state_place: Place | None = None
    priority: int = DEFAULT_PRIORITY
    is_preempting: bool = True
    """The last of `preempt` and `nopreempt` wins; with state MASTER neither has an effect."""
    auth_type: str | None = None
    auth_pass_length: int | None = None
    """In bytes; keepalived uses the first eight."""
    auth_place: Place | None = None
    commands: tuple[Command, ...] = ()
    """`notify_master` and the other notify scripts, each at most once."""
    tracked: tuple[Tracked, ...] = ()
    """The tracked scripts that are defined before this block; keepalived ignores the others."""

    def device_of(self, vip: Vip) -> str | None:
        """Return the interface that keepalived adds it to."""
        return vip.device or self.interface


@dataclass(slots=True)
class _Reading:
    """An instance while its lines are read."""

    unread: list[Unread]
    ignored: list[Ignored]
    family: int | None = None
    """The IP version of the first address, which all others must have, too."""
    interface: Statement | None = None
    version: int | None = None
    source: Address | None = None
    peers: list[Address] = field(default_factory=list)
    vips: list[Vip] = field(default_factory=list)
    state: str | None = None
    state_place: Place | None = None
    priority: int | None = None
    is_preempting: bool = True
    auth_type: str | None = None
    auth_pass_length: int | None = None
    auth_place: Place | None = None

    def read(self, one: Statement) -> None:
        """Apply one line."""
        value = one.arguments[0] if one.arguments else ""
        match one.keyword:
            case "interface" if 0 < len(value.encode()) <= LABEL_LIMIT:
                self.interface = one
            case "version":
                self._set_version(value)
            case "native_ipv6" if self.family != 4:  # noqa: PLR2004  # IPv4 it is already
                self.family, self.version = 6, 3
            case "priority":
                self.priority = to_number(value, 1, 255) or DEFAULT_PRIORITY
            case "preempt" | "nopreempt":
                self.is_preempting = one.keyword == "preempt"
            case "state":
                self._set_state(value, one.place)
            case "authentication":
                self._set_authentication(one)
            case "unicast_peer":
                self.peers += filter(
                    None, (self._address(line.keyword, line) for line in one.block)
                )
            case keyword if keyword in _SOURCES and value:
                self.source = self._address(value, one)
            case keyword if keyword in _VIPS:
                for line in one.block:
                    self._add_vip(line, is_excluded=keyword != _VIPS[0])

    def _set_version(self, value: str) -> None:
        version = number_at_start(value)
        is_possible = version in _VERSIONS and (version == 3 or self.family != 6)  # noqa: PLR2004  # version 2 has no IPv6
        if is_possible and self.version in (None, version):
            self.version = version

    def _set_state(self, value: str, place: Place) -> None:
        if value == "MASTER":
            self.state, self.state_place = "MASTER", place
        elif value != "BACKUP" or self.state != "MASTER":
            self.state, self.state_place = "BACKUP", place

    def _set_authentication(self, block: Statement) -> None:
        self.auth_place = block.place
        for line in block.block:
            value = line.arguments[0] if line.arguments else ""
            if line.keyword == "auth_type" and value in ("PASS", "AH"):
                self.auth_type = value
            elif line.keyword == "auth_pass":
                self.auth_pass_length = len(value.encode())

    def _address(self, text: str, line: Statement) -> Address | None:
        ip = to_peer(text)
        if ip is None:
            self.unread.append(Unread(line.place, f"`{text}`, which is not an address"))
            return None
        if not self._is_of_family(ip, text, line.place):
            return None
        return Address(ip=ip, place=line.place)

    def _add_vip(self, line: Statement, *, is_excluded: bool) -> None:
        read = to_vip(line.words)
        if isinstance(read, str):
            self.unread.append(Unread(line.place, read))
            return
        interface, device = read
        if is_excluded or self._is_of_family(interface.ip, str(interface.ip), line.place):
            self.vips.append(
                Vip(
                    interface=interface,
                    device=device,
                    place=line.place,
                    is_excluded=is_excluded,
                    is_tracked="no_track" not in line.words,
                )
            )

    def _is_of_family(self, ip: IpAddress, text: str, place: Place) -> bool:
        self.family = self.family or ip.version
        if ip.version == self.family:
            return True
        self.ignored.append(
            Ignored(
                place,
                f"`{text}` is ignored",
                f"keepalived accepts one IP version only, here IPv{self.family}, as the first"
                " address",
                "virtual_ipaddress_excluded { … }    # for virtual addresses of the other version",
                address=ip,
            )
        )
        return False


def read_instance(
    statement: Statement,
    tracked: tuple[Tracked, ...],
    unread: list[Unread],
    ignored: list[Ignored],
) -> Instance:
    """Read a block; add what is not understood to `unread`, what keepalived skips to `ignored`."""
    reading = _Reading(unread, ignored)
    for one in statement.block:
        reading.read(one)
    interface = reading.interface
    priority = reading.priority
    if priority is None:
        priority = OWNER_PRIORITY if reading.state == "MASTER" else DEFAULT_PRIORITY
    state = reading.state or ("MASTER" if priority == OWNER_PRIORITY else "BACKUP")
    return Instance(
        name=statement.arguments[0],
        place=statement.place,
        interface=None if interface is None else interface.arguments[0],
        interface_place=None if interface is None else interface.place,
        version=reading.version,
        source=reading.source,
        peers=tuple(reading.peers),
        vips=_unique(reading.vips, None if interface is None else interface.arguments[0]),
        keywords=switched_on(statement.block),
        state=state,
        state_place=reading.state_place,
        priority=priority,
        is_preempting=reading.is_preempting or state == "MASTER",
        auth_type=reading.auth_type,
        auth_pass_length=reading.auth_pass_length,
        auth_place=reading.auth_place,
        commands=first_commands(statement.block, NOTIFIES, ignored),
        tracked=tracked,
    )


def _unique(vips: list[Vip], default: str | None) -> tuple[Vip, ...]:
    """Drop duplicates, and sort excluded addresses last, which keepalived does not advertise."""
    found: dict[tuple[IpInterface, str | None], Vip] = {}
    for one in sorted(vips, key=lambda vip: vip.is_excluded):
        found.setdefault((one.interface, one.device or default), one)
    return tuple(found.values())
