"""What is moved, at Hetzner: is it in the project, and can this server hold it?"""

import difflib
from collections.abc import Iterator

from hakeeper.adapters.cures import cure_of
from hakeeper.core.calls import Failure, Identified
from hakeeper.core.kind import Kind, unusable
from hakeeper.core.model import VrrpId
from hakeeper.core.observation import BY_NAME, Observation, Reading, ResourceId, ResourceRef
from hakeeper.doctor.checks.answers import section, who
from hakeeper.doctor.checks.movable import in_the_way, no_room_for_all, not_meant, part_of
from hakeeper.doctor.checks.selectors import selectors
from hakeeper.doctor.facts import Facts
from hakeeper.doctor.finding import CheckResult, Finding, Passed, error
from hakeeper.kinds.apis import ROBOT


def addresses(facts: Facts, kind: Kind) -> Iterator[CheckResult]:
    """Check that the project has each one of a kind, configured once and usable by this server."""
    wanted = [(vrrp, ref) for vrrp, ref in facts.config.wanted() if ref.kind == kind.name]
    reading = facts.reading(kind.name)
    if reading is None:
        yield from _not_listed(facts, kind)
        return
    yield from selectors(facts, kind)
    taken: dict[ResourceId, ResourceRef] = {}
    for vrrp, ref in wanted:
        found = facts.find(ref)
        if found is None:
            yield _missing(facts, vrrp, ref, reading)
        elif found.id in taken:
            yield error(
                f"{ref} and {taken[found.id]} are the same {kind.noun} ({found}, id {found.id})",
                why="it follows one instance only; the second entry is never claimed",
                cure=f"leave one of them out: {taken[found.id]} or {ref}",
                place=facts.config.address(ref),
            )
        else:
            taken[found.id] = ref
            yield from _usable(facts, vrrp, ref, found)
    yield from no_room_for_all(facts, kind, taken.values())


def _not_listed(facts: Facts, kind: Kind) -> Iterator[CheckResult]:
    at = facts.at(kind.api)
    result = None if at is None else at.listed.get(kind.name)
    outcome = None if result is None else result.outcome
    key = f"{section(kind.api)}.endpoint"
    if isinstance(outcome, Failure) and outcome.kind.value in {"refused", "not found"}:
        yield error(
            f"{who(kind.api)} does not list the {kind.noun}s: {outcome.message} ({outcome.code})",
            why="hakeeper does not move what it does not find there",
            cure=f"check the value of {key}",
            place=facts.config.key(key),
        )


def _missing(facts: Facts, vrrp: VrrpId, ref: ResourceRef, reading: Reading) -> Finding:
    why = not_meant(facts, vrrp, ref, reading)
    if why is not None:
        return why
    kind, listed = facts.kind(ref), reading.found
    if (odd := kind.why_unreadable(ref, reading)) is not None:
        return error(
            f"{vrrp}: {ref}: {unusable(odd)}",
            why="hakeeper does not assign it without its id and its holder",
            cure="run this check again in a minute; if it stays, ask Hetzner's support",
            place=facts.config.address(ref),
        )
    names = [one.name for one in listed]
    close = difflib.get_close_matches(str(ref), names, n=1) if ref.by == BY_NAME else []
    known = ", ".join(f"{one.name} ({one})" for one in listed[:8]) or "none"
    more = f" and {len(listed) - 8} more" if len(listed) > 8 else ""  # noqa: PLR2004  # as above
    meant = close[0] if close else "NAME"
    if kind.api is ROBOT:
        known = ", ".join(map(str, listed[:8])) or "none"
        return error(
            f"{vrrp}: this login has no {kind.noun} {ref}; it has: {known}{more}",
            why=f"hakeeper can only move a {kind.noun} of this login's account",
            cure=f"{kind.config_key}: [ADDRESS]    # or use a login of the account that has it",
            place=facts.config.address(ref),
        )
    return error(
        f"{vrrp}: the project of this token has no {kind.noun} {ref}; it has: {known}{more}",
        why=f"hakeeper can only assign a {kind.noun} of the project",
        cure=f"{kind.config_key}: [{meant}]    # or use a token of the project that has it",
        place=facts.config.address(ref),
    )


def _usable(
    facts: Facts, vrrp: VrrpId, ref: ResourceRef, found: Observation
) -> Iterator[CheckResult]:
    troubles: list[CheckResult] = []
    if found.blocked:
        troubles.append(
            error(
                f"{vrrp}: {ref} ({found}) is blocked by Hetzner",
                why="no traffic reaches it, whichever server holds it",
                cure=cure_of("address.blocked"),
                place=facts.config.address(ref),
            )
        )
    owner = f"server {found.server_id}"
    at = facts.at(facts.kind(ref).api)
    if at is not None and isinstance(at.identified.outcome, Identified):
        server = at.identified.outcome.server
        zones = (found.zone, server.zone)
        is_here = found.server_id in server.keys
        if all(zones) and zones[0] != zones[1] and not is_here:
            troubles.append(
                error(
                    f"{vrrp}: {ref} ({found}) belongs to network zone {zones[0]}, server"
                    f" {server.name} in {zones[1]}",
                    why="Hetzner is reported to refuse an assign across zones; its documentation"
                    " contradicts itself, and hakeeper has not seen it work here",
                    cure="use a floating IP of this zone, or assign it to this server by hand: if"
                    " that works, this check passes",
                    place=facts.config.address(ref),
                )
            )
        troubles += in_the_way(facts, vrrp, ref, found)
        other = at.holder(found)
        owner = owner if other is None else f"{other.name} (id {other.id})"
        owner = "this server" if is_here else owner
    yield from troubles
    if not troubles:
        holder = "no server" if found.server_id is None else owner
        switch = "; a switch is under way" if found.moving else ""
        yield Passed(f"{_which(facts, ref, found)}, now on {holder}{switch}")


def _which(facts: Facts, ref: ResourceRef, found: Observation) -> str:
    selector, part = facts.config.selector_of(ref), part_of(facts, ref, found)
    if selector is not None:
        return f"{found} (id {found.id}, {selector})"
    if part is not None:
        return f"{ref.text} of network {part}"
    # Robot has no ids: what people call a failover IP is all there is.
    if facts.kind(ref).api is ROBOT:
        return ref.text
    label = str(found) if ref.text == str(found) else f"{ref.text} = {found}"
    return f"{label} (id {found.id})"
