"""Private networks: which one an alias IP lies in, and what is known of them.

A row of a network's `Part` is a server's id, its own address and its alias IPs; of what is there
and is no server, the id is empty.
"""

import ipaddress
from collections.abc import Iterable, Mapping
from typing import Final

from hakeeper.core.observation import Key, Observation, Part, ResourceId, ResourceRef

_SHOWN: Final = 4
"""So many networks are named at most."""


def place_of(resource: ResourceId) -> tuple[int, str]:
    """Return the network and the address of an alias IP, whose key is `NETWORK/ADDRESS`."""
    network, _, ip = str(resource.key).partition("/")
    return int(network), ip


def merged(parts: Iterable[Part]) -> dict[Key, Part]:
    """Put the pieces of each network together; what comes twice counts as last seen."""
    pieces: dict[Key, list[Part]] = {}
    for part in parts:
        pieces.setdefault(part.key, []).append(part)
    return {
        key: Part(
            key=key,
            name=next((each.name for each in reversed(some) if each.name), ""),
            network=next((each.network for each in reversed(some) if each.network), None),
            rows=tuple({row[0] or row[1]: row for each in some for row in each.rows}.values()),
        )
        for key, some in pieces.items()
    }


def network_of(
    ref: ResourceRef, known: Observation | None, networks: Mapping[Key, Part]
) -> Part | str:
    """Return the network that is meant, whole; or why there is none."""
    before = None if known is None else networks.get(place_of(known.id)[0])
    if before is not None and _may_have(before, ref):  # by its id, also if it was renamed
        return before
    if ref.within:
        return _named(ref, networks.values())
    return _by_range(ref, networks.values())


def named(ref: ResourceRef, networks: Iterable[Part]) -> list[Part]:
    """Return those with the id or name that is given."""
    return [each for each in networks if ref.within in (str(each.key), each.name)]


def has(network: Part, ref: ResourceRef) -> bool:
    """Say whether the address is in the network's range, as far as that was read."""
    return network.network is not None and ipaddress.ip_address(ref.text) in network.network


def _may_have(network: Part, ref: ResourceRef) -> bool:
    """Say whether the address is in the network's range, or the range was not read."""
    return network.network is None or has(network, ref)


def _named(ref: ResourceRef, networks: Iterable[Part]) -> Part | str:
    """Return the network with the given id or name."""
    found = next(iter(named(ref, networks)), None)
    if found is None:
        return f"this token's project has no network {ref.within}"
    if not _may_have(found, ref):
        return f"the address is not in the range of network {title(found)}"
    return found


def _by_range(ref: ResourceRef, networks: Iterable[Part]) -> Part | str:
    """Return the one network that has the address in its range."""
    known = [each for each in networks if each.network is not None]
    having = [each for each in known if has(each, ref)]
    titles = " and ".join(map(title, (having or known)[:_SHOWN]))
    if len(having) > 1:
        return (
            f"several networks have the address in their range: {titles}; say which one is meant,"
            f" such as {{ip: {ref.text}, network: {having[0].key}}}"
        )
    if not having:
        return (
            "no private network of this token's project has the address in its range"
            f" (there is {titles or 'none'})"
        )
    return having[0]


def elsewhere(
    part: Part, known: Observation | None, networks: Mapping[Key, Part]
) -> dict[str, str]:
    """Return how many alias IPs each server has in other networks, as `in_all` reads it.

    They count for the most that it may have. A list of members shows only its own networks: of the
    others it is what was known before.
    """
    counts: dict[str, dict[str, str]] = {}
    if part.network is None and known is not None:  # only members were read
        counts = {server: _by_network(text) for server, text, *_ in known.note}
    for other in networks.values():
        if other.key == part.key:
            continue
        for there in counts.values():
            there.pop(str(other.key), None)
        for server, _, *aliases in other.rows:
            if aliases:
                counts.setdefault(server, {})[str(other.key)] = str(len(aliases))
    return {server: _text(there) for server, there in counts.items()}


def in_all(counts: str) -> int:
    """Return how many alias IPs a server has in all other networks, by what `elsewhere` says."""
    return sum(map(int, _by_network(counts).values()))


def _by_network(counts: str) -> dict[str, str]:
    """Read `NETWORK:COUNT NETWORK:COUNT`."""
    pairs = (each.partition(":") for each in counts.split())
    return {network: count for network, _, count in pairs}


def _text(counts: Mapping[str, str]) -> str:
    return " ".join(f"{network}:{counts[network]}" for network in sorted(counts))


def name_of(network: Part) -> str:
    """Return a network for people."""
    return f"{network.name} (id {network.key})" if network.name else str(network.key)


def title(network: Part) -> str:
    """Return a network for people, with its range if that is known."""
    name = name_of(network)
    return name if network.network is None else f"{name}, {network.network}"
