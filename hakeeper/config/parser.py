"""From the tree of nodes to a `Config`, by the rows of its table, noting every error there is."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from ipaddress import IPv4Address, IPv6Address
from itertools import islice
from types import MappingProxyType
from typing import Final, Generic, TypeVar, assert_never

from hakeeper.config import nodes
from hakeeper.config.errors import Position, Problems
from hakeeper.config.keys import Config
from hakeeper.config.nodes import Node, join
from hakeeper.config.table import Items, Model, Names, Row, Value, build, resources, rows
from hakeeper.config.text import (
    LINE_BREAK,
    MAX_BYTES,
    TOKEN,
    UNPRINTABLE,
    did_you_mean,
    letters,
    shown,
)
from hakeeper.config.values import Refused, duration_text, is_nothing, vrrp_name
from hakeeper.core.model import VrrpId
from hakeeper.core.observation import ResourceRef

T = TypeVar("T")
C = TypeVar("C", bound=Config)

CHARACTER_ERRORS: Final = 20
"""So many bad characters are told one by one; finding the place of each costs time."""
_SMALLEST: Final = "instances: {VI_1: {floating_ips: [web]}}"
_SECRET_WORDS: Final = ("token", "apikey", "password", "secret", "bearer", "credential")


def parse(text: str, file_name: str) -> Config:
    """Return the configuration that the text holds, or raise `ConfigErrors` with every error."""
    return parse_as(Config, text, file_name)


def parse_as(model: type[C], text: str, file_name: str) -> C:
    """Do the same by the rows of another table."""
    problems = Problems(file_name)
    config = _read(model, text.removeprefix("\ufeff"), problems)
    problems.raise_if_any()
    return config


def _read(model: type[C], text: str, problems: Problems) -> C:
    start = Position(1, 1)
    if len(text) > MAX_BYTES:
        problems.add(
            start, "", f"is longer than {MAX_BYTES >> 20} MiB; this is not a configuration"
        )
        return model()
    _check_characters(text, problems)
    root = nodes.read_tree(UNPRINTABLE.sub("\ufffd", text), problems)
    if root is None or is_nothing(root):
        problems.add(start, "", f"the file is empty; this much is needed: `{_SMALLEST}`")
        return model()
    if not isinstance(root, nodes.Table):
        _entries(root, "", problems)
        return model()
    return _Parser(model, root, problems).config()


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


class _Parser(Generic[C]):
    """One file. A value that cannot be used is noted, and its default goes on."""

    def __init__(self, model: type[C], root: nodes.Table, problems: Problems) -> None:
        self._model = model
        self._root = root
        self._problems = problems
        self._known = _sections(rows(model))
        self._nodes = self._section(root, "", self._known[""])
        self._listed: dict[object, tuple[VrrpId, int]] = {}
        self._any_named = False

    def config(self) -> C:
        """Read all sections, then what stands in each."""
        for path in filter(None, self._known):
            if (node := self._nodes.get(path)) is not None:
                self._nodes |= self._section(node, path, self._known[path])
        config = build(
            self._model, lambda row: self._value(row, row.path, self._nodes.get(row.path))
        )
        if not self._any_named:
            message = f"names no instance or group; this much is needed: `{_SMALLEST}`"
            self._problems.add(self._root.at, "", message)
        self._check_intervals(config)
        return config

    def _section(self, node: Node, path: str, known: Sequence[str]) -> dict[str, Node]:
        """Return the values of a mapping by their paths."""
        found: dict[str, Node] = {}
        for entry in _entries(node, path, self._problems):
            name = entry.key.text
            if name in known:
                found[join(path, name)] = entry.value
            else:
                message = self._unknown_key(name, path, known)
                self._problems.add(entry.key.at, join(path, name), message)
        return found

    def _unknown_key(self, name: str, path: str, known: Sequence[str]) -> str:
        all_known = {each for keys in self._known.values() for each in keys}
        bare = letters(name)
        if bare not in map(letters, all_known) and any(word in bare for word in _SECRET_WORDS):
            return (
                "no secret may stand in this file (its value is not shown here); put the API token"
                " in a file of its own and name that in `hetzner.token_file`"
            )
        for section, keys in self._known.items():
            if name in keys and section != path:
                home = f"beneath `{section}:`" if section else "at the top, not indented"
                return f"unknown key here; it belongs {home}"
        return f"unknown key{did_you_mean(name, known) or '; expected ' + ', '.join(known)}"

    def _value(self, row: Row, path: str, node: Node | None) -> object:
        """Return the value of a key, or its default."""
        match row.type:
            case _ if node is None:
                return row.default
            case Names() as names:
                return MappingProxyType(self._names(names, path, node))
            case Value(read=read):
                return self._attempt(node, path, read, row.default)
            case Items():
                raise AssertionError(f"{row.path}: lists stand beneath names only")
            case _:
                assert_never(row.type)

    def _attempt(self, node: Node, path: str, read: Callable[[Node], T], default: T) -> T:
        try:
            return read(node)
        except Refused as refused:
            if message := str(refused):
                self._problems.add(node.at, path, message)
            return default

    def _check_intervals(self, config: Config) -> None:
        interval_s, standby_s = config.interval_s, config.standby_interval_s
        if standby_s >= interval_s:
            return
        given = self._nodes.get("reconcile.standby_interval")
        at = (given or self._nodes.get("reconcile.interval") or self._root).at
        self._problems.add(
            at,
            "reconcile.standby_interval",
            f"{duration_text(standby_s)}{'' if given else ' (the default)'} is shorter than"
            f" reconcile.interval, {duration_text(interval_s)}; expected the same or longer,"
            " for a standby has less need to look than the master",
        )

    def _names(self, names: Names, path: str, node: Node) -> dict[str, Model]:
        """Return what stands beneath each name of an instance or group."""
        self._any_named |= isinstance(node, nodes.Broken)
        found: dict[str, Model] = {}
        for entry in _entries(node, path, self._problems):
            self._any_named = True
            name = self._attempt(entry.key, path, partial(vrrp_name, keyword=names.keyword), "")
            if not isinstance(entry.value, nodes.Broken):
                vrrp, inner = VrrpId(names.kind, name), join(path, entry.key.text)
                found[name] = self._one(names.model, vrrp, inner, entry)
        return found

    def _one(self, model: type[Model], vrrp: VrrpId, path: str, entry: nodes.Entry) -> Model:
        moved = resources(model)
        first = next(iter(moved))
        if isinstance(entry.value, nodes.Sequence):
            message = f"expected a mapping, got a list; write `{first}:` before it"
            self._problems.add(entry.value.at, path, message)
            return model()
        given = self._section(entry.value, path, [row.path for row in rows(model)])
        refs: list[object] = []

        def value(row: Row) -> object:
            inner = join(path, row.path)
            node = given.get(inner)
            if node is None or not isinstance(row.type, Items):
                return self._value(row, inner, node)
            found = self._items(row.type, inner, node, vrrp, refs)
            refs.extend(found if row.type.noun else ())
            return tuple(found)

        made = build(model, value)
        lists = [given[inner] for name in moved if (inner := join(path, name)) in given]
        if all(map(_is_empty, lists)):
            nouns = " or ".join(each.noun for each in moved.values())
            self._problems.add(
                (lists[0] if lists else entry.key).at,
                join(path, first),
                f"lists no {nouns}; give at least one, or leave this name out",
            )
        return made

    def _items(
        self, type_: Items[T], path: str, node: Node, vrrp: VrrpId, refs: Iterable[object]
    ) -> list[T]:
        """Read a list; `refs` is what the cloud moves with this name."""
        before = self._listed if type_.noun else {}
        nothing: Sequence[tuple[str, Node]] = ()
        found: list[T] = []
        for suffix, item in self._attempt(node, path, type_.split, nothing):
            value = self._attempt(item, f"{path}{suffix}", type_.item, None)
            if value is None:
                continue
            if first := before.get(value):
                message = f"is listed already, for {first[0]} in line {first[1]}"
            elif _is_within(value, refs):
                message = f"is the floating IP itself; expected {type_.each}"
            else:
                before[value] = (vrrp, item.at.line)
                found.append(value)
                continue
            self._problems.add(item.at, f"{path}{suffix}", f"{shown(str(value))} {message}")
        return found


def _sections(of: Iterable[Row]) -> dict[str, list[str]]:
    """Return the keys with fixed names by section; the top level is ``."""
    found: dict[str, list[str]] = {"": []}
    for row in of:
        section, _, name = row.path.rpartition(".")
        if section not in found:
            found[""].append(section)
        found.setdefault(section, []).append(name)
    return found


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


def _is_empty(node: Node | None) -> bool:
    return node is None or is_nothing(node) or (isinstance(node, nodes.Sequence) and not node.items)


def _is_within(value: object, refs: Iterable[object]) -> bool:
    """Say whether keepalived would speak from an address that the cloud moves."""
    networks = [ref.network for ref in refs if isinstance(ref, ResourceRef) and ref.network]
    return isinstance(value, IPv4Address | IPv6Address) and any(value in one for one in networks)
