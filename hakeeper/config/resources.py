"""The keys that list resources, one for each kind, such as `floating_ips`."""

from functools import partial
from typing import Final

from hakeeper.config.nodes import Node, Scalar, Table
from hakeeper.config.table import Items
from hakeeper.config.text import shown, with_article
from hakeeper.config.values import NAME_LIMIT, Refused, listed, name, object_id, raw_of, text_of
from hakeeper.core.kind import Kind
from hakeeper.core.observation import BY_NAME, ResourceRef
from hakeeper.kinds import KINDS

_COMMA: Final = " (a comma in a value needs quotes around it)"


def _ref(node: Node, kind: Kind) -> ResourceRef:
    """Return the resource of an item of a kind's key.

    Digits are an id, quoted or not. A name may consist of digits, too, but its owner can use the
    id; quotes must not change the meaning of a number.
    """
    expected = _expected(kind)
    refuse_unquoted_colon(node)
    if isinstance(node, Table) and kind.item_keys:
        return _mapped(node, kind)
    number = object_id(raw_of(node, expected))
    text = text_of(node, expected) if number is None else ""
    if len(text) > NAME_LIMIT:
        raise Refused(f"{shown(text)} is too long; expected {expected}")
    try:
        ref = kind.ref(text if number is None else number)
    except ValueError as error:
        raise Refused(f"{shown(raw_of(node, expected))} {error}; expected {expected}") from None
    if ref.by == BY_NAME:
        name(text, expected)
    return ref


def _mapped(node: Table, kind: Kind) -> ResourceRef:
    """Return what an item means that is a mapping; its first key names it."""
    keys = kind.item_keys
    given = {entry.key.text: entry for entry in node.entries}
    if unknown := [key for key in given if key not in keys]:
        comma = "" if not _is_cut_off(given[unknown[0]].value) else _COMMA
        expected = " and ".join(keys)
        raise Refused(f"has the unknown key {shown(unknown[0])}{comma}; expected {expected}")
    if keys[0] not in given:
        raise Refused(f"lacks the key {shown(keys[0])}; expected {' and '.join(keys)}")
    texts = {key: _member(entry.value, key, kind) for key, entry in given.items()}
    value = texts[keys[0]]
    try:
        return kind.ref(value, **texts)
    except ValueError as error:
        raise Refused(f"{shown(value)} {error}; expected such as {kind.item_example}") from None


def _is_cut_off(node: Node) -> bool:
    """Say whether a key has no value at all, as what follows an unquoted comma."""
    return isinstance(node, Scalar) and node.plain and not node.text


def _member(node: Node, key: str, kind: Kind) -> str:
    """Return the text of a member of such a mapping; an id is written without quotes, too."""
    expected = f"a value for {shown(key)}, such as {kind.item_example}"
    raw = raw_of(node, expected)
    return raw if object_id(raw) is not None else name(text_of(node, expected), expected)


def refuse_unquoted_colon(node: Node) -> None:
    """Refuse `- 2001:db8::` with an explanation: to YAML it is a mapping."""
    if not isinstance(node, Table) or len(node.entries) != 1:
        return
    key = node.entries[0].key.text
    if ":" in key and isinstance(node.entries[0].value, Scalar):
        raise Refused(f"YAML reads {shown(key + ':')} as a mapping; put the address in quotes")


def _expected(kind: Kind) -> str:
    return f"{kind.forms} of {with_article(kind.noun)}"


RESOURCES: Final = {
    kind.config_key: Items(
        listed,
        partial(_ref, kind=kind),
        _expected(kind),
        f"a list, each item {_expected(kind)}",
        noun=kind.noun,
    )
    for kind in KINDS.values()
}
"""The types of these keys."""
