"""From the tree of nodes to a `Config`, by the rows of its table; collects all errors."""

import re
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from ipaddress import IPv4Address, IPv6Address
from itertools import islice
from types import MappingProxyType
from typing import Final, Generic, TypeVar, assert_never

from hakeeper.config import nodes
from hakeeper.config.errors import Position, Problems
from hakeeper.config.files import shared
from hakeeper.config.keys import Config
from hakeeper.config.nodes import Node, join
from hakeeper.config.robot import moving
from hakeeper.config.table import Items, Model, Names, Row, Value, build, resources, rows
from hakeeper.config.text import (
    LINE_BREAK,
    MAX_BYTES,
    TOKEN,
    UNPRINTABLE,
    did_you_mean,
    either,
    letters,
    shown,
    with_article,
)
from hakeeper.config.values import Refused, duration_text, is_nothing, vrrp_name
from hakeeper.core.model import VrrpId
from hakeeper.core.observation import ResourceRef
from hakeeper.kinds import KINDS
from hakeeper.kinds.apis import ROBOT

T = TypeVar("T")
C = TypeVar("C", bound=Config)

_UNSPACED: Final = re.compile(r"[a-z_]+:\S")
CHARACTER_ERRORS: Final = 20
"""How many bad characters are reported; finding the place of each takes time."""
_SMALLEST: Final = "instances: {VI_1: {floating_ips: [web]}}"
_SECRET_WORDS: Final = ("token", "apikey", "password", "secret", "bearer", "credential")
_ROBOT_WORDS: Final = ("user", "login", "pass")
"""What people call the parts of a login, which have no place in its section."""


def parse(text: str, file_name: str) -> Config:
    """Return the configuration in the text, or raise `ConfigErrors` with all errors."""
    return parse_as(Config, text, file_name)


def parse_as(model: type[C], text: str, file_name: str) -> C:
    """Do the same with the rows of another table."""
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
    """Find what is not allowed anywhere, not even in comments: tokens, invisible characters."""
    for match in islice(TOKEN.finditer(text), CHARACTER_ERRORS):
        problems.add(
            _position(text, match.start()),
            "",
            "this looks like an API token (64 letters and digits, not shown here), which must not"
            " be in this file: put it in a separate file and set `hetzner.token_file`",
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
    """Parses one file. An unusable value is noted as an error and replaced by its default."""

    def __init__(self, model: type[C], root: nodes.Table, problems: Problems) -> None:
        self._model = model
        self._root = root
        self._problems = problems
        self._known = _sections(rows(model))
        before = problems.count
        self._nodes = self._section(root, "", self._known[""])
        self._is_misspelt = problems.count > before or not root.is_whole
        """An instance may be there, and only its key be wrong, which is said."""
        self._listed: dict[object, tuple[VrrpId, int]] = {}
        self._addresses: dict[object, tuple[str, int]] = {}
        """By network: the kind, and the line."""
        self._any_named = False

    def config(self) -> C:
        """Read all sections, then their values."""
        for path in filter(None, self._known):
            if (node := self._nodes.get(path)) is not None:
                self._nodes |= self._section(node, path, self._known[path])
        config = build(
            self._model, lambda row: self._value(row, row.path, self._nodes.get(row.path))
        )
        if not self._any_named and not self._is_misspelt:
            message = f"names no instance or group; this much is needed: `{_SMALLEST}`"
            self._problems.add(self._root.at, "", message)
        self._check_intervals(config)
        self._check_robot_server(config)
        self._check_files(config)
        return config

    def _section(self, node: Node, path: str, known: Sequence[str]) -> dict[str, Node]:
        """Return the values of a mapping by their paths."""
        found: dict[str, Node] = {}
        for entry in _entries(node, path, self._problems):
            name = entry.key.text
            if name in known:
                found[join(path, name)] = entry.value
            else:
                message = self._unknown_key(name, path, known, entry.value)
                self._problems.add(entry.key.at, join(path, name), message)
        return found

    def _unknown_key(self, name: str, path: str, known: Sequence[str], value: Node) -> str:
        all_known = {each for keys in self._known.values() for each in keys}
        bare = letters(name)
        words = (*_SECRET_WORDS, *(_ROBOT_WORDS if path == "robot" else ()))
        if bare not in map(letters, all_known) and any(word in bare for word in words):
            what = "user:password" if path == "robot" else "the API token"
            key = "robot.credentials_file" if path == "robot" else "hetzner.token_file"
            return (
                "secrets are not allowed in this file (the value is not shown here); put"
                f" {what} in a separate file and set `{key}`"
            )
        for section, keys in self._known.items():
            if name in keys and section != path:
                home = f"under `{section}:`" if section else "at the top level, not indented"
                return f"unknown key here; it belongs {home}"
        if not path and _is_like_a_name(value):
            return "unknown key; if it is the name of an instance, indent it, beneath `instances:`"
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
                raise AssertionError(f"{row.path}: lists are allowed under names only")
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
            f" reconcile.interval, {duration_text(interval_s)}; expected the same or longer, since"
            " a standby needs to read less often than the master",
        )

    def _check_files(self, config: Config) -> None:
        for path, other, file in shared(config):
            given = self._nodes.get(path) or self._nodes.get(other) or self._root
            message = f"{shown(str(file))} is the file of `{other}`, too; expected another one"
            self._problems.add(given.at, path, message)

    def _check_robot_server(self, config: Config) -> None:
        moved = moving(config.robot.server, config.refs_of(ROBOT.name))
        if moved is not None:
            path = "robot.server"
            message = (
                f"`{moved}` is listed as a failover IP, which moves; expected the main address of"
                " this server, which stays"
            )
            self._problems.add((self._nodes.get(path) or self._root).at, path, message)

    def _names(self, names: Names, path: str, node: Node) -> dict[str, Model]:
        """Return the settings under each name of an instance or group."""
        self._any_named |= isinstance(node, nodes.Broken | nodes.Sequence)
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
            if entry.key.text in moved:
                message = "is no name: indent it further, beneath the name that it belongs to"
            self._problems.add(entry.value.at, path, message)
            return model()
        known = _sections(rows(model))
        before = self._problems.count
        given = self._section(entry.value, path, known[""])
        for section in filter(None, known):
            if (node := given.get(join(path, section))) is not None:
                given |= self._section(node, join(path, section), known[section])
        refs: list[object] = []

        def value(row: Row) -> object:
            inner = f"{path}.{row.path}"
            node = given.get(inner)
            if node is None or not isinstance(row.type, Items):
                return self._value(row, inner, node)
            found = self._items(row.type, inner, node, vrrp, refs)
            refs.extend(found if row.type.noun else ())
            return tuple(found)

        made = build(model, value)
        lists = [given[inner] for name in moved if (inner := join(path, name)) in given]
        is_whole = not isinstance(entry.value, nodes.Table) or entry.value.is_whole
        if all(map(_is_empty, lists)) and self._problems.count == before and is_whole:
            nouns = either([each.noun for each in moved.values()])
            self._problems.add(
                (lists[0] if lists else entry.key).at,
                join(path, first),
                f"lists no {nouns}; add at least one, or remove this name",
            )
        return made

    def _of_another_kind(self, value: object) -> tuple[str, int] | None:
        """Return as what, and where, the same address is listed under the key of another kind."""
        network = value.network if isinstance(value, ResourceRef) else None
        kind, line = self._addresses.get(network, ("", 0))
        if not isinstance(value, ResourceRef) or kind in ("", value.kind):
            return None
        return with_article(KINDS[kind].noun), line

    def _note_address(self, value: object, line: int) -> None:
        if isinstance(value, ResourceRef) and value.network:
            self._addresses.setdefault(value.network, (value.kind, line))

    def _items(
        self, type_: Items[T], path: str, node: Node, vrrp: VrrpId, refs: Iterable[object]
    ) -> list[T]:
        """Read a list; `refs` are the resources under the same name."""
        before = self._listed if type_.noun else {}
        nothing: Sequence[tuple[str, Node]] = ()
        found: list[T] = []
        for suffix, item in self._attempt(node, path, type_.split, nothing):
            value = self._attempt(item, f"{path}{suffix}", type_.item, None)
            if value is None:
                continue
            if first := before.get(value):
                message = f"is already listed, for {first[0]} in line {first[1]}"
            elif (within := _within(value, refs)) is not None:
                message = f"is the {KINDS[within.kind].noun} itself; expected {type_.each}"
            elif (other := self._of_another_kind(value)) is not None:
                noun, line = other
                message = f"is already listed, as {noun} in line {line}; it can be one of them only"
            else:
                before[value] = (vrrp, item.at.line)
                found.append(value)
                self._note_address(value, item.at.line)
                continue
            self._problems.add(item.at, f"{path}{suffix}", f"{shown(str(value))} {message}")
        return found


def _is_like_a_name(value: Node) -> bool:
    """Say whether an unknown key holds what stands beneath the name of an instance."""
    keys = {entry.key.text for entry in value.entries} if isinstance(value, nodes.Table) else set()
    return any(kind.config_key in keys for kind in KINDS.values())


def _sections(of: Iterable[Row]) -> dict[str, list[str]]:
    """Return the names of the keys by section; the top level is the empty string."""
    found: dict[str, list[str]] = {"": []}
    for row in of:
        section, _, name = row.path.rpartition(".")
        if section not in found:
            found[""].append(section)
        found.setdefault(section, []).append(name)
    return found


def _entries(node: Node, path: str, problems: Problems) -> tuple[nodes.Entry, ...]:
    """Return the entries of a mapping; empty if all its keys are commented out."""
    match node:
        case nodes.Table():
            return node.entries
        case nodes.Scalar(text="", plain=True) | nodes.Broken():
            return ()
        case nodes.Scalar():
            hint = "; is a space missing after the `:`?" if _UNSPACED.match(node.text) else ""
            problems.add(node.at, path, f"expected a mapping, got {shown(node.text)}{hint}")
        case nodes.Sequence():
            problems.add(node.at, path, "expected a mapping, got a list")
    return ()


def _is_empty(node: Node | None) -> bool:
    return node is None or is_nothing(node) or (isinstance(node, nodes.Sequence) and not node.items)


def _within(value: object, refs: Iterable[object]) -> ResourceRef | None:
    """Return the resource that a VRRP address belongs to; it must not move."""
    if not isinstance(value, IPv4Address | IPv6Address):
        return None
    named = (ref for ref in refs if isinstance(ref, ResourceRef))
    return next((ref for ref in named if ref.network and value in ref.network), None)
