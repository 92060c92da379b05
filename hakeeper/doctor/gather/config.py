"""The places of entries in hakeeper.yaml, which has been validated before."""

from pathlib import Path

from hakeeper.adapters.bounded_read import read_bounded
from hakeeper.config import MAX_BYTES, Config, InstanceConfig
from hakeeper.config.errors import Problems
from hakeeper.config.nodes import Entry, Node, Scalar, Sequence, Table, read_tree
from hakeeper.config.table import Names, resources, rows
from hakeeper.core.model import VrrpId
from hakeeper.core.observation import ResourceRef
from hakeeper.doctor.facts import ConfigFacts
from hakeeper.doctor.finding import Place

_LISTS = resources(InstanceConfig)
_KINDS = {row.path: row.type.kind for row in rows(Config) if isinstance(row.type, Names)}


def config_facts(
    config: Config, path: Path, token_source: str, login_source: str = ""
) -> ConfigFacts:
    """Read the file once more for its lines; raises what reading it raises."""
    text = read_bounded(path, MAX_BYTES).data.decode()
    return places_in(text, str(path), config, token_source, login_source)


def places_in(
    text: str, file: str, config: Config, token_source: str, login_source: str = ""
) -> ConfigFacts:
    """Find the lines of sections, addresses and keys in a valid text."""
    root = read_tree(text, Problems(file))
    sections: dict[VrrpId, Place] = {}
    addresses: dict[ResourceRef, Place] = {}
    keys: dict[str, Place] = {}
    for entry in _entries(root):
        keys[entry.key.text] = _place(file, entry.key)
        for inner in _entries(entry.value):
            keys[f"{entry.key.text}.{inner.key.text}"] = _place(file, inner.key)
            if entry.key.text in _KINDS:
                vrrp = VrrpId(_KINDS[entry.key.text], inner.key.text)
                sections[vrrp] = _place(file, inner.key)
                addresses |= _addresses(file, inner.value)
    return ConfigFacts(
        config=config,
        file=file,
        sections=sections,
        addresses=addresses,
        keys=keys,
        token_source=token_source,
        login_source=login_source,
    )


def _entries(node: Node | None) -> tuple[Entry, ...]:
    return node.entries if isinstance(node, Table) else ()


def _addresses(file: str, section: Node) -> dict[ResourceRef, Place]:
    return {
        _LISTS[entry.key.text].item(item): _place(file, item)
        for entry in _entries(section)
        if entry.key.text in _LISTS and isinstance(entry.value, Sequence)
        for item in entry.value.items
        if isinstance(item, (Scalar, Table))
    }


def _place(file: str, node: Scalar | Table) -> Place:
    return Place(file, node.at.line)
