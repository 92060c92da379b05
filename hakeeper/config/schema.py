"""The keys of hakeeper.yaml: from the tree of nodes to a `Config`, noting every error there is."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import islice
from types import MappingProxyType
from typing import Final, TypeVar

from hakeeper.config import nodes, values
from hakeeper.config.addresses import address
from hakeeper.config.errors import Position, Problems
from hakeeper.config.model import Config, HetznerConfig, KeepalivedConfig
from hakeeper.config.nodes import Node, join
from hakeeper.config.private import one_or_many, vrrp_address
from hakeeper.config.surprises import is_null
from hakeeper.config.text import (
    LINE_BREAK,
    MAX_BYTES,
    TOKEN,
    UNPRINTABLE,
    did_you_mean,
    shown,
)
from hakeeper.core.model import AddressRef, IpAddress, VrrpId, VrrpKind

T = TypeVar("T")

KEYS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "": ("server", "instances", "groups", "keepalived", "hetzner", "reconcile"),
        "keepalived": ("fifo", "state", "pid_file"),
        "hetzner": ("endpoint", "token_file", "ca_file", "timeout"),
        "reconcile": ("interval", "standby_interval"),
    }
)
"""All keys with fixed names, by section; the top level is ``."""
CLAIM_KEYS: Final = ("floating_ips", "vrrp_address")
CHARACTER_ERRORS: Final = 20
"""So many bad characters are told one by one; finding the place of each costs time."""
_DEFAULTS: Final = Config(addresses=MappingProxyType({}))
_SMALLEST: Final = "instances: {VI_1: {floating_ips: [web]}}"
_SECRET_WORDS: Final = ("token", "apikey", "password", "secret", "bearer", "credential")

_TIMEOUT: Final = partial(
    values.duration_s,
    shortest_s=1,
    longest_s=60,
    why="below, good calls fail; above, a dead API holds up a claim",
)
_INTERVAL: Final = partial(
    values.duration_s,
    shortest_s=1,
    longest_s=3600,
    why="all nodes share Hetzner's 3600 calls per hour",
)


def parse(text: str, file_name: str) -> Config:
    """Return the configuration that the text holds, or raise `ConfigErrors` with every error."""
    problems = Problems(file_name)
    config = _read(text.removeprefix("\ufeff"), problems)
    problems.raise_if_any()
    return config


def _read(text: str, problems: Problems) -> Config:
    start = Position(1, 1)
    if len(text) > MAX_BYTES:
        problems.add(
            start, "", f"is longer than {MAX_BYTES >> 20} MiB; this is not a configuration"
        )
        return _DEFAULTS
    _check_characters(text, problems)
    root = nodes.read_tree(UNPRINTABLE.sub("\ufffd", text), problems)
    if root is None or (isinstance(root, nodes.Scalar) and root.plain and is_null(root.text)):
        problems.add(start, "", f"the file is empty; this much is needed: `{_SMALLEST}`")
        return _DEFAULTS
    if not isinstance(root, nodes.Table):
        _entries(root, "", problems)
        return _DEFAULTS
    return _config(_Section(root, "", KEYS[""], problems), problems)


def _check_characters(text: str, problems: Problems) -> None:
    """Find what must not stand anywhere, be it in a comment: tokens and invisible characters."""
    for match in islice(TOKEN.finditer(text), CHARACTER_ERRORS):
        problems.add(
            _position(text, match.start()),
            "",
            "this looks like an API token (64 letters and digits); it is not shown here, and must"
            " not stand in this file: put it in a file of its own and name that in"
            " `hetzner.token_file`",
        )
    for match in islice(UNPRINTABLE.finditer(text), CHARACTER_ERRORS):
        problems.add(
            _position(text, match.start()),
            "",
            f"invisible character U+{ord(match[0]):04X}; delete it",
        )


def _position(text: str, index: int) -> Position:
    lines = LINE_BREAK.split(text[:index])
    return Position(len(lines), len(lines[-1]) + 1)


class _Section:
    """A mapping with known keys. Reading a key notes its error and then returns the default."""

    def __init__(self, node: Node, path: str, known: Sequence[str], problems: Problems) -> None:
        self._path = path
        self._problems = problems
        self._values: dict[str, Node] = {}
        self.at = node.at
        for entry in _entries(node, path, problems):
            if entry.key.text in known:
                self._values[entry.key.text] = entry.value
            else:
                message = _unknown_key(entry.key.text, path, known)
                problems.add(entry.key.at, join(path, entry.key.text), message)

    def node(self, key: str) -> Node | None:
        """Return the value as it stands in the file."""
        return self._values.get(key)

    def section(self, key: str) -> "_Section":
        """Return a section beneath this one, empty where it is missing."""
        node = self._values.get(key) or nodes.Table(self.at, ())
        return _Section(node, join(self._path, key), KEYS[key], self._problems)

    def read(self, key: str, reader: Callable[[Node], T], default: T) -> T:
        """Return the value of a key."""
        node = self._values.get(key)
        if node is None:
            return default
        return _attempt(node, join(self._path, key), reader, self._problems, default)


def _attempt(
    node: Node, path: str, reader: Callable[[Node], T], problems: Problems, default: T
) -> T:
    try:
        return reader(node)
    except values.Refused as refused:
        if message := str(refused):
            problems.add(node.at, path, message)
        return default


def _entries(node: Node, path: str, problems: Problems) -> tuple[nodes.Entry, ...]:
    """Return what stands in a mapping; one whose keys are all commented out is empty."""
    match node:
        case nodes.Table():
            return node.entries
        case nodes.Scalar(text="", plain=True) | nodes.Broken():
            return ()
        case nodes.Scalar():
            problems.add(node.at, path, f"expected a mapping, got {shown(node.text)}")
        case nodes.Sequence():
            problems.add(node.at, path, "expected a mapping, got a list")
    return ()


def _unknown_key(key: str, path: str, known: Sequence[str]) -> str:
    plain = "".join(filter(str.isalnum, key.lower()))
    if plain not in ("tokenfile", "cafile") and any(word in plain for word in _SECRET_WORDS):
        return (
            "no secret may stand in this file (its value is not shown here); put the API token in"
            " a file of its own and name that in `hetzner.token_file`"
        )
    homes = [section for section, keys in KEYS.items() if key in keys and section != path]
    if homes:
        home = f"beneath `{homes[0]}:`" if homes[0] else "at the top, not indented"
        return f"unknown key here; it belongs {home}"
    return f"unknown key{did_you_mean(key, known) or '; expected ' + ', '.join(known)}"


def _config(top: _Section, problems: Problems) -> Config:
    keepalived, hetzner = top.section("keepalived"), top.section("hetzner")
    claims = _Claims(problems)
    claims.read(VrrpKind.INSTANCE, "instances", top.node("instances"))
    claims.read(VrrpKind.GROUP, "groups", top.node("groups"))
    if not claims.any_named:
        problems.add(top.at, "", f"names no instance or group; this much is needed: `{_SMALLEST}`")
    interval_s, standby_interval_s = _intervals(top.section("reconcile"), problems)
    heard, api = _DEFAULTS.keepalived, _DEFAULTS.hetzner
    return Config(
        addresses=MappingProxyType(claims.addresses),
        vrrp_addresses=MappingProxyType(claims.vrrp_addresses),
        server=top.read("server", values.server, _DEFAULTS.server),
        keepalived=KeepalivedConfig(
            fifo=keepalived.read("fifo", values.path, heard.fifo),
            state=keepalived.read("state", values.state_source, heard.state),
            pid_file=keepalived.read("pid_file", values.path, heard.pid_file),
        ),
        hetzner=HetznerConfig(
            endpoint=hetzner.read("endpoint", values.endpoint, api.endpoint),
            token_file=hetzner.read("token_file", values.optional_path, api.token_file),
            ca_file=hetzner.read("ca_file", values.optional_path, api.ca_file),
            timeout_s=hetzner.read("timeout", _TIMEOUT, api.timeout_s),
        ),
        interval_s=interval_s,
        standby_interval_s=standby_interval_s,
    )


def _intervals(reconcile: _Section, problems: Problems) -> tuple[float, float]:
    interval_s = reconcile.read("interval", _INTERVAL, _DEFAULTS.interval_s)
    standby_s = reconcile.read("standby_interval", _INTERVAL, _DEFAULTS.standby_interval_s)
    if standby_s < interval_s:
        given = reconcile.node("standby_interval")
        node = given or reconcile.node("interval")
        problems.add(
            node.at if node is not None else reconcile.at,
            "reconcile.standby_interval",
            f"{values.duration_text(standby_s)}{'' if given else ' (the default)'} is shorter than"
            f" reconcile.interval, {values.duration_text(interval_s)}; expected the same or longer,"
            " for a standby has less need to look than the master",
        )
    return interval_s, standby_s


class _Claims:
    """Which floating IPs go with which instance or group; each stands here once."""

    def __init__(self, problems: Problems) -> None:
        self.addresses: dict[VrrpId, tuple[AddressRef, ...]] = {}
        self.vrrp_addresses: dict[VrrpId, tuple[IpAddress, ...]] = {}
        self.any_named = False
        self._problems = problems
        self._seen: dict[AddressRef, tuple[VrrpId, int]] = {}

    def read(self, kind: VrrpKind, path: str, node: Node | None) -> None:
        """Take over all instances, or all groups."""
        if node is None:
            return
        self.any_named |= isinstance(node, nodes.Broken)
        for entry in _entries(node, path, self._problems):
            self.any_named = True
            reader = partial(values.vrrp_name, kind=kind)
            vrrp_name = _attempt(entry.key, path, reader, self._problems, "")
            self._one(VrrpId(kind, vrrp_name), join(path, entry.key.text), entry)

    def _one(self, vrrp: VrrpId, path: str, entry: nodes.Entry) -> None:
        if isinstance(entry.value, nodes.Broken):
            return
        if isinstance(entry.value, nodes.Sequence):
            message = "expected a mapping, got a list; write `floating_ips:` before it"
            self._problems.add(entry.value.at, path, message)
            return
        section = _Section(entry.value, path, CLAIM_KEYS, self._problems)
        node = section.node("floating_ips")
        list_path = join(path, "floating_ips")
        match node:
            case nodes.Sequence(items=items) if items:
                self.addresses[vrrp] = self._addresses(vrrp, list_path, items)
            case nodes.Broken():
                pass
            case nodes.Scalar() if not (node.plain and is_null(node.text)):
                message = f"expected a list, got {shown(node.text)}; put it in square brackets"
                self._problems.add(node.at, list_path, message)
            case nodes.Table():
                self._problems.add(node.at, list_path, "expected a list, got a mapping")
            case _:
                message = "lists no floating IP; give at least one, or leave this name out"
                self._problems.add(node.at if node else entry.key.at, list_path, message)

        self._private(vrrp, join(path, "vrrp_address"), section)

    def _private(self, vrrp: VrrpId, path: str, section: _Section) -> None:
        """Take over the addresses that keepalived speaks from, if any are named."""
        found: list[IpAddress] = []
        none: list[tuple[str, Node]] = []
        for suffix, node in section.read("vrrp_address", one_or_many, none):
            reader = partial(vrrp_address, refs=self.addresses.get(vrrp, ()), before=found)
            ip = _attempt(node, f"{path}{suffix}", reader, self._problems, None)
            found += [] if ip is None else [ip]
        if found:
            self.vrrp_addresses[vrrp] = tuple(found)

    def _addresses(
        self, vrrp: VrrpId, path: str, items: tuple[Node, ...]
    ) -> tuple[AddressRef, ...]:
        refs: list[AddressRef] = []
        for index, node in enumerate(items):
            ref = _attempt(node, f"{path}[{index}]", address, self._problems, None)
            if ref is None:
                continue
            if first := self._seen.get(ref):
                message = f"{shown(str(ref))} is listed already, for {first[0]} in line {first[1]}"
                self._problems.add(node.at, f"{path}[{index}]", message)
            else:
                self._seen[ref] = (vrrp, node.at.line)
                refs.append(ref)
        return tuple(refs)
