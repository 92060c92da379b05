"""What a keepalived.conf says of the things that a failover with hakeeper depends on."""

import ipaddress
import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from hakeeper.core.model import IpAddress, VrrpId, VrrpKind
from hakeeper.doctor.conf.lines import Unread
from hakeeper.doctor.conf.syntax import Statement, Syntax
from hakeeper.doctor.finding import Place

IpInterface: TypeAlias = ipaddress.IPv4Interface | ipaddress.IPv6Interface
_FIFOS: Final = ("notify_fifo", "vrrp_notify_fifo")
_VIPS: Final = ("virtual_ipaddress", "virtual_ipaddress_excluded")
_FALSE: Final = ("off", "false", "no")


@dataclass(frozen=True, slots=True, kw_only=True)
class FifoLine:
    """`vrrp_notify_fifo PATH [USER [GROUP]]`, or the older `notify_fifo`."""

    keyword: str
    path: str
    user: str | None
    place: Place
    group: str | None = None
    script_user: str | None = None
    """That of a `script_user` line before this one; a later one does not count for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """An address with its place."""

    ip: IpAddress
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Vip:
    """One line of `virtual_ipaddress`: /32 or /128 unless it says otherwise."""

    interface: IpInterface
    device: str | None
    place: Place


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

    def device_of(self, vip: Vip) -> str | None:
        """Return the interface that keepalived puts it on."""
        return vip.device or self.interface


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """One `vrrp_sync_group`."""

    name: str
    place: Place
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepalivedConf:
    """What was read. `file` is the one that keepalived is given; others may be included."""

    file: str
    fifos: tuple[FifoLine, ...] = ()
    instances: tuple[Instance, ...] = ()
    groups: tuple[Group, ...] = ()
    global_keywords: Mapping[str, Place] = field(default_factory=dict)
    """What stands in `global_defs`, where it first stands; a switch set to `off` does not."""
    vrrp_version: int = 2
    all_keywords: Mapping[str, Place] = field(default_factory=dict)
    unused_scripts: tuple[Statement, ...] = ()
    """Every `vrrp_script` that no `track_script` names."""
    unread: tuple[Unread, ...] = ()
    conditions: tuple[Place, ...] = ()
    """The lines that count or not by the `config_id`."""

    def instance(self, name: str) -> Instance | None:
        """Return the instance of that name."""
        return next((one for one in self.instances if one.name == name), None)

    def members(self, vrrp: VrrpId) -> tuple[Instance, ...]:
        """Return the instances that stand behind a name of hakeeper.yaml; none: it is unknown."""
        if vrrp.kind is VrrpKind.INSTANCE:
            found = self.instance(vrrp.name)
            return () if found is None else (found,)
        names = [name for group in self.groups if group.name == vrrp.name for name in group.members]
        return tuple(one for one in self.instances if one.name in names)

    def names(self, kind: VrrpKind) -> tuple[str, ...]:
        """Return the names of all instances, or of all groups."""
        things = self.instances if kind is VrrpKind.INSTANCE else self.groups
        return tuple(one.name for one in things)

    @property
    def global_defs(self) -> Place:
        """Where a line for `global_defs` belongs."""
        return self.all_keywords.get("global_defs", Place(self.file))


def read_meaning(
    file: str, syntax: Syntax, unread: Iterable[Unread] = (), conditions: Iterable[Place] = ()
) -> KeepalivedConf:
    """Make sense of the statements; what makes none is told in `unread`."""
    problems = [*unread, *syntax.unread]
    fifos: list[FifoLine] = []
    global_keywords: dict[str, Place] = {}
    version, script_user = 2, None
    for statement in _blocks_of("global_defs", syntax.statements):
        _note(global_keywords, statement)
        if statement.keyword == "script_user" and statement.arguments:
            script_user = statement.arguments[0]
        if statement.keyword in _FIFOS and statement.arguments:
            fifos.append(_fifo(statement, script_user))
        if statement.keyword == "vrrp_version":
            version = _number(statement) or version
    every: dict[str, Place] = {}
    _note_all(every, syntax.statements)
    return KeepalivedConf(
        file=file,
        fifos=tuple(fifos),
        instances=tuple(
            _instance(one, problems)
            for one in syntax.statements
            if one.keyword == "vrrp_instance" and one.arguments
        ),
        groups=tuple(
            Group(name=one.arguments[0], place=one.place, members=_members(one))
            for one in syntax.statements
            if one.keyword == "vrrp_sync_group" and one.arguments
        ),
        global_keywords=global_keywords,
        vrrp_version=version,
        all_keywords=every,
        unused_scripts=_unused_scripts(syntax.statements),
        unread=tuple(problems),
        conditions=tuple(conditions),
    )


def _blocks_of(keyword: str, statements: Iterable[Statement]) -> Iterator[Statement]:
    for one in statements:
        if one.words and one.keyword == keyword:
            yield from (inner for inner in one.block if inner.words)


def _note(keywords: dict[str, Place], statement: Statement) -> None:
    if not (statement.arguments and statement.arguments[0].lower() in _FALSE):
        keywords.setdefault(statement.keyword, statement.place)


def _note_all(keywords: dict[str, Place], statements: Iterable[Statement]) -> None:
    for one in statements:
        if one.words:
            _note(keywords, one)
        _note_all(keywords, one.block)


def _unused_scripts(statements: tuple[Statement, ...]) -> tuple[Statement, ...]:
    blocks = [inner for one in statements for inner in one.block if inner.words]
    used = {line.keyword for line in _blocks_of("track_script", blocks)}
    scripts = (one for one in statements if one.keyword == "vrrp_script" and one.arguments)
    return tuple(one for one in scripts if one.arguments[0] not in used)


def _number(statement: Statement) -> int | None:
    text = statement.arguments[0] if statement.arguments else ""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 4 else None  # noqa: PLR2004  # no version has more digits


def _fifo(statement: Statement, script_user: str | None) -> FifoLine:
    path, *rest = statement.arguments
    return FifoLine(
        keyword=statement.keyword,
        path=path,
        user=rest[0] if rest else None,
        group=rest[1] if len(rest) > 1 else None,
        place=statement.place,
        script_user=script_user,
    )


def _members(statement: Statement) -> tuple[str, ...]:
    lines = _blocks_of("group", statement.block)
    return tuple(word for line in lines for word in line.words)


def _instance(statement: Statement, problems: list[Unread]) -> Instance:
    inner = [one for one in statement.block if one.words]
    keywords: dict[str, Place] = {}
    for one in inner:
        _note(keywords, one)
    named = {one.keyword: one for one in inner if one.arguments}
    interface = named.get("interface")
    peers = _blocks_of("unicast_peer", inner)
    vips = [line for keyword in _VIPS for line in _blocks_of(keyword, inner)]
    source = named.get("unicast_src_ip")
    return Instance(
        name=statement.arguments[0],
        place=statement.place,
        interface=None if interface is None else interface.arguments[0],
        interface_place=None if interface is None else interface.place,
        version=_number(named["version"]) if "version" in named else None,
        source=None if source is None else _address(source.arguments[0], source.place, problems),
        peers=tuple(
            found
            for line in peers
            if (found := _address(line.keyword, line.place, problems)) is not None
        ),
        vips=tuple(vip for line in vips if (vip := _vip(line, problems)) is not None),
        keywords=keywords,
    )


def _address(text: str, place: Place, problems: list[Unread]) -> Address | None:
    try:
        return Address(ip=ipaddress.ip_address(text), place=place)
    except ValueError:
        problems.append(Unread(place, f"`{text}`, which is no address"))
        return None


def _vip(line: Statement, problems: list[Unread]) -> Vip | None:
    words = line.words
    device = next((after for word, after in itertools.pairwise(words) if word == "dev"), None)
    try:
        interface = ipaddress.ip_interface(words[0])
    except ValueError:
        problems.append(Unread(line.place, f"`{words[0]}`, which is no address"))
        return None
    return Vip(interface=interface, device=device, place=line.place)
