"""The keys that name resources, one for each kind: `floating_ips` and the like."""

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
    """Return the resource that an item of a kind's key names.

    All digits are an id, quoted or not: names may be digits too, but who has such a name also
    knows the id, and a number that changes its meaning with its quotes is a trap.
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
    """Explain that `- 2001:db8::` is a mapping to YAML; its owner will not see why."""
    if not isinstance(node, Table) or len(node.entries) != 1:
        return
    key = node.entries[0].key.text
    if ":" in key and isinstance(node.entries[0].value, Scalar):
        raise Refused(f"YAML takes {shown(key + ':')} for a mapping; write the address in quotes")


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
