"""The floating IPs at Hetzner: are they in the project, and can this server hold them?"""

import difflib
from collections.abc import Iterator

from hakeeper.adapters.cures import cure_of
from hakeeper.core.calls import Failure, Identified
from hakeeper.core.model import VrrpId
from hakeeper.core.not_found import unusable
from hakeeper.core.observation import BY_NAME, Observation, ResourceId, ResourceRef
from hakeeper.doctor.facts import Facts
from hakeeper.doctor.finding import CheckResult, Finding, Passed, error


def addresses(facts: Facts) -> Iterator[CheckResult]:
    """Check that the project has each floating IP, configured once and usable by this server."""
    listed = facts.api.floating_ips
    if listed is None:
        yield from _not_listed(facts)
        return
    taken: dict[ResourceId, ResourceRef] = {}
    for vrrp, ref in facts.config.wanted():
        found = facts.api.find(ref)
        if found is None and (why := facts.api.why_unusable(ref)) is not None:
            yield error(
                f"{vrrp}: {ref}: {unusable(why)}",
                why="hakeeper does not assign it without its id and its holder",
                cure="run this check again in a minute; if it stays, ask Hetzner's support",
                place=facts.config.address(ref),
            )
        elif found is None:
            yield _unknown(facts, vrrp, ref, listed)
        elif found.id in taken:
            yield error(
                f"{ref} and {taken[found.id]} are the same floating IP ({found}, id {found.id})",
                why="it follows one instance only; the second entry is never claimed",
                cure=f"leave one of them out: {taken[found.id]} or {ref}",
                place=facts.config.address(ref),
            )
        else:
            taken[found.id] = ref
            yield from _usable(facts, vrrp, ref, found)


def _not_listed(facts: Facts) -> Iterator[CheckResult]:
    outcome = facts.api.listed.outcome
    if isinstance(outcome, Failure) and outcome.kind.value in {"refused", "not found"}:
        yield error(
            f"the API does not list the floating IPs: {outcome.message} ({outcome.code})",
            why="hakeeper cannot look up the ids that an assign needs",
            cure="check the value of hetzner.endpoint",
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
        why="hakeeper can only assign a floating IP of the project",
        cure=f"floating_ips: [{meant}]    # or use a token of the project that has it",
        place=facts.config.address(ref),
    )


def _usable(
    facts: Facts, vrrp: VrrpId, ref: ResourceRef, found: Observation
) -> Iterator[CheckResult]:
    fine = True
    if found.blocked:
        fine = False
        yield error(
            f"{vrrp}: {ref} ({found}) is blocked by Hetzner",
            why="no traffic reaches it, whichever server holds it",
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
                    why="Hetzner is reported to refuse an assign across zones; its documentation"
                    " contradicts itself, and hakeeper has not seen it work here",
                    cure="use a floating IP of this zone, or assign it to this server by hand: if"
                    " that works, this check passes",
                    place=facts.config.address(ref),
                )
            owner = "this server" if is_here else f"server {found.server_id}"
        case _:
            owner = f"server {found.server_id}"
    if fine:
        holder = "no server" if found.server_id is None else owner
        yield Passed(f"{ref} = {found} (id {found.id}), now on {holder}")
