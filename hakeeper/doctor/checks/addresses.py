"""The floating IPs at Hetzner: does the project have them, and may this server have them?"""

import difflib
from collections.abc import Iterator

from hakeeper.adapters.cures import cure_of
from hakeeper.core.calls import Failure, Identified
from hakeeper.core.model import VrrpId
from hakeeper.core.observation import BY_NAME, Observation, ResourceId, ResourceRef
from hakeeper.core.unresolved import unusable
from hakeeper.doctor.facts import Facts
from hakeeper.doctor.finding import Finding, Passed, Said, error


def addresses(facts: Facts) -> Iterator[Said]:
    """Does the project have each floating IP, once, usable from this server?"""
    listed = facts.api.floating_ips
    if listed is None:
        yield from _not_listed(facts)
        return
    taken: dict[ResourceId, ResourceRef] = {}
    for vrrp, ref in facts.config.wanted():
        found = facts.api.find(ref)
        if found is None and (why := facts.api.odd(ref)) is not None:
            yield error(
                f"{vrrp}: {ref}: {unusable(why)}",
                why="without its id and its owner it is not assigned",
                cure="look again in a minute; if it stays, tell Hetzner's support",
                place=facts.config.address(ref),
            )
        elif found is None:
            yield _unknown(facts, vrrp, ref, listed)
        elif found.id in taken:
            yield error(
                f"{ref} and {taken[found.id]} are the same floating IP ({found}, id {found.id})",
                why="it follows one instance; for the second one nothing is claimed",
                cure=f"leave one of them out: {taken[found.id]} or {ref}",
                place=facts.config.address(ref),
            )
        else:
            taken[found.id] = ref
            yield from _usable(facts, vrrp, ref, found)


def _not_listed(facts: Facts) -> Iterator[Said]:
    outcome = facts.api.listed.outcome
    if isinstance(outcome, Failure) and outcome.kind.value in {"refused", "not found"}:
        yield error(
            f"the API does not list the floating IPs: {outcome.message} ({outcome.code})",
            why="their names cannot be turned into the ids that an assign needs",
            cure="see what stands at hetzner.endpoint",
            place=facts.config.key("hetzner.endpoint"),
        )


def _unknown(
    facts: Facts, vrrp: VrrpId, ref: ResourceRef, listed: tuple[Observation, ...]
) -> Finding:
    names = [one.name for one in listed]
    close = difflib.get_close_matches(str(ref), names, n=1) if ref.by == BY_NAME else []
    known = ", ".join(f"{one.name} ({one})" for one in listed[:8]) or "none"
    more = f" and {len(listed) - 8} more" if len(listed) > 8 else ""  # noqa: PLR2004  # as above
    meant = close[0] if close else "NAME"
    return error(
        f"{vrrp}: the project of this token has no floating IP {ref}; it has: {known}{more}",
        why="what is not there cannot be assigned",
        cure=f"floating_ips: [{meant}]    # or use a token of the project that has it",
        place=facts.config.address(ref),
    )


def _usable(facts: Facts, vrrp: VrrpId, ref: ResourceRef, found: Observation) -> Iterator[Said]:
    fine = True
    if found.blocked:
        fine = False
        yield error(
            f"{vrrp}: {ref} ({found}) is blocked by Hetzner",
            why="no traffic reaches it, wherever it is assigned",
            cure=cure_of("address.blocked"),
            place=facts.config.address(ref),
        )
    match facts.api.identified.outcome:
        case Identified(server=server):
            zones = (found.zone, server.zone)
            is_here = found.server_id == server.id
            if all(zones) and zones[0] != zones[1] and not is_here:
                fine = False
                yield error(
                    f"{vrrp}: {ref} ({found}) belongs to network zone {zones[0]}, server"
                    f" {server.name} in {zones[1]}",
                    why="Hetzner is reported to refuse an assign across zones; its own documents"
                    " differ, and here nothing shows that it works",
                    cure="use a floating IP of this zone, or assign it to this server once by"
                    " hand: if that works, this is silent",
                    place=facts.config.address(ref),
                )
            owner = "this server" if is_here else f"server {found.server_id}"
        case _:
            owner = f"server {found.server_id}"
    if fine:
        holder = "no server" if found.server_id is None else owner
        yield Passed(f"{ref} = {found} (id {found.id}), now on {holder}")
