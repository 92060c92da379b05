"""The keys that list resources, one for each kind, such as `floating_ips`."""

from functools import partial
from typing import Final

from hakeeper.config.nodes import Node, Scalar, Table
from hakeeper.config.table import Items
from hakeeper.config.text import shown
from hakeeper.config.values import NAME_LIMIT, Refused, listed, name, object_id, raw_of, text_of
from hakeeper.core.kind import Kind
from hakeeper.core.observation import BY_NAME, ResourceRef
from hakeeper.kinds import KINDS


def _ref(node: Node, kind: Kind) -> ResourceRef:
    """Return the resource of an item of a kind's key.

    Digits are an id, quoted or not. A name may consist of digits, too, but its owner can use the
    id; quotes must not change the meaning of a number.
    """
    expected = _expected(kind)
    refuse_unquoted_colon(node)
    if (number := object_id(raw_of(node, expected))) is not None:
        return kind.ref(number)
    text = text_of(node, expected)
    if len(text) > NAME_LIMIT:
        raise Refused(f"{shown(text)} is too long; expected {expected}")
    try:
        ref = kind.ref(text)
    except ValueError as error:
        raise Refused(f"{shown(text)} {error}; expected {expected}") from None
    if ref.by == BY_NAME:
        name(text, expected)
    return ref


def refuse_unquoted_colon(node: Node) -> None:
    """Refuse `- 2001:db8::` with an explanation: to YAML it is a mapping."""
    if not isinstance(node, Table) or len(node.entries) != 1:
        return
    key = node.entries[0].key.text
    if ":" in key and isinstance(node.entries[0].value, Scalar):
        raise Refused(f"YAML reads {shown(key + ':')} as a mapping; put the address in quotes")


def _expected(kind: Kind) -> str:
    return f"the name, id or address of a {kind.noun}"


RESOURCES: Final = {
    kind.config_key: Items(
        listed,
        partial(_ref, kind=kind),
        _expected(kind),
        "a list of names, ids and addresses",
        noun=kind.noun,
    )
    for kind in KINDS.values()
}
"""The types of these keys."""
