"""What lies in a part of the API, such as an alias IP: is it meant clearly, and can it move here?

A kind that has no such parts, and never meets an obstacle, gets no finding from here.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from hakeeper.adapters.cures import NO_MASTER, refusal_cure
from hakeeper.core.calls import Obstacle
from hakeeper.core.kind import Kind
from hakeeper.core.model import VrrpId
from hakeeper.core.observation import Key, Observation, Part, Reading, ResourceRef
from hakeeper.doctor.checks.identity import us
from hakeeper.doctor.facts import Facts
from hakeeper.doctor.finding import CheckResult, Finding, error, warning
from hakeeper.kinds.failover_ip import NO_MAIN_IP
from hakeeper.kinds.private_networks import has, name_of, named

_PLAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
"""A name that needs no quotes, and cannot be taken for an id."""
_REASONS: Final = {NO_MAIN_IP: "Robot is told the server by its main IP of the same family"}
"""Why nothing moves that we do not even ask for, by its code."""


def part_of(facts: Facts, ref: ResourceRef, found: Observation) -> str | None:
    """Return the network that it is in, for people; None: its kind has no such parts."""
    return None if found.part is None else _title(facts, ref.kind, found.part)


def _title(facts: Facts, kind: str, key: Key) -> str:
    reading = facts.reading(kind)
    with_names = (one for one in (reading.parts if reading else ()) if one.key == key and one.name)
    return next(map(name_of, with_names), str(key))


# --- which one is meant ------------------------------------------------------------------------


def not_meant(facts: Facts, vrrp: VrrpId, ref: ResourceRef, reading: Reading) -> Finding | None:
    """Make the finding for one that stands for nothing, if its kind says why."""
    kind = facts.kind(ref)
    why = kind.why_not_found(ref, reading)
    if why is None:
        return None
    if not kind.item_keys:
        return error(
            f"{vrrp}: {ref}: {why}",
            why=f"a part of it cannot be moved, and hakeeper claims each {kind.noun} as a whole",
            cure=f"{kind.config_key}: [{_whole(ref, reading)}]",
            place=facts.config.address(ref),
        )
    return error(
        f"{vrrp}: {ref}: {why}",
        why=f"hakeeper does not claim an {kind.noun} unless its network is certain and nobody else"
        " has the address",
        cure=_clearer(kind, ref, reading),
        place=facts.config.address(ref),
    )


def is_wrong(facts: Facts, ref: ResourceRef) -> bool:
    """Say whether the configuration needs another address, so that this one is no matter."""
    reading = facts.reading(ref.kind)
    if reading is None or facts.kind(ref).why_not_found(ref, reading) is None:
        return False
    known = _known(reading)
    return bool(known) and not _is_unclear(ref, known)


def _known(reading: Reading) -> list[Part]:
    return [one for one in reading.parts if one.network is not None]


def _is_unclear(ref: ResourceRef, known: list[Part]) -> bool:
    """Say whether it is the network that is to be named, or to be named otherwise."""
    if ref.within:
        return not named(ref, known)
    return sum(has(one, ref) for one in known) > 1


def _clearer(kind: Kind, ref: ResourceRef, reading: Reading) -> str:
    """Return the line to write instead."""
    known = _known(reading)
    having = [one for one in known if has(one, ref)]
    if _is_unclear(ref, known):
        right, *others = [*map(_word, having), "NETWORK"]
        if ref.within:
            other = f"other networks: {_listed(known)}; " if known else ""
            return f"{_line(kind, ref, right)}    # {other}or use a token of its project"
        return f"{_line(kind, ref, right)}    # or {', '.join(others[:-1])}"
    ranges = named(ref, known) or having or known
    if not ranges:
        return "hcloud network create --name internal --ip-range 10.0.0.0/16    # or another token"
    return (
        f"{kind.config_key}: [ADDRESS]    # a free one of"
        f" {' or '.join(str(one.network) for one in ranges)}, on all servers; keepalived.conf too"
    )


def _whole(ref: ResourceRef, reading: Reading) -> str:
    """Return the one in whose network an address lies."""
    meant = ref.network
    within = (
        str(one)
        for one in reading.found
        if one.network is not None
        and meant is not None
        and one.network.version == meant.version
        and meant.network_address in one.network
    )
    return next(within, "NETWORK")


def _line(kind: Kind, ref: ResourceRef, network: str) -> str:
    first, second = kind.item_keys
    return f"{kind.config_key}: [{{{first}: {ref.text}, {second}: {network}}}]"


def _word(part: Part) -> str:
    return part.name if _PLAIN.fullmatch(part.name) else str(part.key)


def _listed(parts: Iterable[Part]) -> str:
    return ", ".join(map(_word, parts))


# --- can it move here --------------------------------------------------------------------------


def in_the_way(
    facts: Facts, vrrp: VrrpId, ref: ResourceRef, found: Observation
) -> Iterator[CheckResult]:
    """Yield what prevents a move of it to this server, and a holder that does not run."""
    kind = facts.kind(ref)
    at, server = facts.at(kind.api), us(facts, kind.api)
    if at is None or server is None or found.server_id in server.keys:
        return
    step = kind.next_step(found, server)
    if isinstance(step, Obstacle):
        yield error(
            f"{vrrp}: {ref}: {step.message}",
            why=_REASONS.get(step.code, "Hetzner would refuse to give it to this server"),
            cure=refusal_cure(step.code, server=server.name, network=str(found.part or "")),
            place=facts.config.address(ref),
        )
    holder = at.holder(found)
    if holder is not None and holder.status in kind.api.not_running:
        yield warning(
            f"{vrrp}: {ref} is on {holder.name} (id {holder.id}), which is {holder.status}",
            why="packets to it reach nobody until a MASTER claims it",
            cure=NO_MASTER,
            place=facts.config.address(ref),
        )


def no_room_for_all(facts: Facts, kind: Kind, refs: Iterable[ResourceRef]) -> Iterator[CheckResult]:
    """Check that one server may have all of those in a network that are not on this one yet."""
    server = us(facts, kind.api)
    if server is None:
        return
    coming: dict[Key, list[tuple[ResourceRef, int]]] = {}
    for ref in refs:
        found = facts.find(ref)
        if found is None or found.part is None or found.server_id in server.keys:
            continue
        step = kind.next_step(found, server)
        if not isinstance(step, Obstacle):
            coming.setdefault(found.part, []).append((ref, step.most))
    for part, some in coming.items():
        room = min(most for _, most in some)
        if len(some) > room:
            names = ", ".join(ref.text for ref, _ in some)
            yield error(
                f"this server has room for {room} more in network"
                f" {_title(facts, kind.name, part)}, and is to get {len(some)}: {names}",
                why=f"Hetzner allows only so many {kind.noun}s a server; the rest would be refused",
                cure=refusal_cure("no_room", server=server.name, network=str(part)),
                place=facts.config.address(some[-1][0]),
            )
