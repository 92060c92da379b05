"""The sentences and fields of the journal, one function a kind of entry.

The message is for people and may change; scripts use the fields.
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, TypeAlias, assert_never

from hakeeper.core import cures
from hakeeper.core.calls import Failure, FailureKind
from hakeeper.core.events import Report
from hakeeper.core.model import (
    ByNetwork,
    FloatingIp,
    Holder,
    IpAddress,
    Nobody,
    Other,
    Role,
    Server,
    Unknown,
    Us,
    VrrpId,
)
from hakeeper.core.servers import SeenServer

if TYPE_CHECKING:
    from hakeeper.core.roles import RoleChange
    from hakeeper.core.stages import Phases

Fields: TypeAlias = dict[str, str | int | float]


def holder_text(holder: Holder, servers: Mapping[int, SeenServer]) -> str:
    """Return the holder for people; other servers by name where it is known."""
    match holder:
        case Us():
            return "this server"
        case Other(server_id):
            seen = servers.get(server_id)
            named = seen is not None and seen.name
            return f"{named} (id {server_id})" if named else f"server {server_id}"
        case Nobody():
            return "nobody"
        case Unknown(reason):
            return f"unknown ({reason})"
        case _:  # pragma: no cover
            assert_never(holder)


def holder_key(holder: Holder) -> str:
    """Return the holder for scripts: `us`, a server id, `nobody` or `unknown`."""
    match holder:
        case Us():
            return "us"
        case Other(server_id):
            return str(server_id)
        case Nobody():
            return "nobody"
        case Unknown():
            return "unknown"
        case _:  # pragma: no cover
            assert_never(holder)


def _of(vrrp: VrrpId, address: str) -> Fields:
    return {"instance": vrrp.name, "kind": vrrp.kind.value, "address": address}


def role_changed(change: "RoleChange", generation: int) -> Report:
    """The role of an instance or group moved."""
    vrrp, before, after = change.vrrp, change.before.value, change.after.value
    through = " (and through another role)" if before == after else ""
    fields: Fields = {
        "instance": vrrp.name,
        "kind": vrrp.kind.value,
        "role": after,
        "previous_role": before,
        "generation": generation,
        "reason": change.reason,
    }
    return Report("role.changed", f"{vrrp}: {before} to {after}{through}: {change.reason}", fields)


def keepalived_gone(reason: str, *, in_order: bool, replaced: bool) -> Report:
    """No keepalived runs any more, or another one; after an orderly stop that is no surprise."""
    fields: Fields = {"reason": reason}
    if in_order:
        return Report("keepalived.stopped", f"keepalived was stopped: {reason}", fields)
    if replaced:
        text = f"keepalived was replaced: {reason}; no role counts until the new one says it"
        return Report("keepalived.gone", text, fields)
    text = (
        f"keepalived is gone: {reason}; no role is known until it runs again, and no address is"
        f" given up. To start it: {cures.KEEPALIVED_GONE}"
    )
    return Report("keepalived.gone", text, fields)


def joined(addresses: Iterable[IpAddress]) -> str:
    """Return addresses for people."""
    return ", ".join(map(str, addresses))


def vrrp_address_missing(vrrp: VrrpId, missing: tuple[IpAddress, ...], role: Role) -> Report:
    """Keepalived is isolated: reported when that begins, and if it becomes MASTER all the same."""
    cure = cures.cure_of("vrrp_address.missing", vrrp_address=joined(missing))
    said = "says MASTER, but is isolated" if role is Role.MASTER else "is isolated"
    return Report(
        "vrrp_address.missing",
        f"{vrrp}: keepalived {said}: vrrp_address {joined(missing)} is not on this machine; "
        f"nothing is claimed until it is. To look: {cure}",
        {
            "instance": vrrp.name,
            "kind": vrrp.kind.value,
            "role": role.value,
            "vrrp_address": joined(missing),
        },
    )


def vrrp_address_found(vrrp: VrrpId, found: tuple[IpAddress, ...], wait_s: float) -> Report:
    """Nothing is missing any more."""
    return Report(
        "vrrp_address.found",
        f"{vrrp}: {joined(found)} is back on this machine; MASTER counts again in {wait_s:g} s",
        {
            "instance": vrrp.name,
            "kind": vrrp.kind.value,
            "vrrp_address": joined(found),
            "delay_s": wait_s,
        },
    )


def claim_started(vrrp: VrrpId, address: str, holder: Holder, named: str, cause: str) -> Report:
    """The first assign of a claim is about to go out."""
    return Report(
        "claim.started",
        f"{vrrp}: assigning {address} to this server ({cause}); holder so far: {named}",
        {**_of(vrrp, address), "holder": holder_key(holder), "reason": cause},
    )


def claim_abandoned(vrrp: VrrpId, address: str, reason: str) -> Report:
    """Demoted in the middle of a claim."""
    return Report(
        "claim.abandoned",
        f"{vrrp}: giving up the claim to {address}: {reason}",
        {**_of(vrrp, address), "reason": reason},
    )


AUTH_WAY_OUT = f"to mend it: {cures.cure_of('token.rejected')}; retrying every 10 s until then"


def claim_failed(vrrp: VrrpId, address: str, failure: Failure) -> Report:
    """An assign failed; reported once for each code of a claim."""
    fields: Fields = {
        **_of(vrrp, address),
        "reason": failure.kind.value,
        "error_code": failure.code,
    }
    if failure.http_status is not None:
        fields["http_status"] = failure.http_status
    if failure.correlation_id:
        fields["correlation_id"] = failure.correlation_id
    match failure.kind:
        case FailureKind.OUTCOME_UNKNOWN:
            event, what_now = "claim.unknown", "it may have been done; reading the holder"
        case FailureKind.LOCKED:
            event, what_now = "claim.failed", "something else is under way; reading the holder"
        case FailureKind.AUTH:
            event, what_now = "token.rejected", AUTH_WAY_OUT
        case FailureKind.NOT_FOUND | FailureKind.REFUSED:
            event, what_now = "claim.refused", "it needs a change by hand; retrying every 10 s"
        case FailureKind.THROTTLED:
            event, what_now = "api.throttled", "waiting as Hetzner asks"
        case FailureKind.TRANSIENT | FailureKind.CANCELLED:
            event, what_now = "claim.failed", "retrying"
        case _:  # pragma: no cover
            assert_never(failure.kind)
    text = f"{vrrp}: assigning {address} failed: {failure.message} ({failure.code}); {what_now}"
    return Report(event, text, fields)


def claim_unknown(vrrp: VrrpId, address: str, what: str) -> Report:
    """The outcome of a claim is open."""
    return Report(
        "claim.unknown", f"{vrrp}: {address}: {what}", {**_of(vrrp, address), "reason": what}
    )


def address_confirmed(vrrp: VrrpId, address: str, cause: str) -> Report:
    """Nothing had to be done: a read says that it is ours."""
    return Report(
        "address.confirmed",
        f"{vrrp}: {address} is on this server already ({cause})",
        {**_of(vrrp, address), "holder": "us", "reason": cause},
    )


def address_claimed(
    vrrp: VrrpId, address: str, cause: str, failures: int, phases: "Phases"
) -> Report:
    """The action succeeded and the holder was read back as ours; with the phases in ms."""
    fields: Fields = {
        **_of(vrrp, address),
        "holder": "us",
        "reason": cause,
        "attempt": failures + 1,
    }
    steps = (
        ("sent", "sent", phases.sent_s),
        ("accepted", "accepted", phases.accepted_s),
        ("finished", "action done", phases.finished_s),
        ("confirmed", "confirmed", phases.confirmed_s),
    )
    parts, passed_ms = [], 0.0
    for field, step, at_s in steps:
        if at_s is not None:
            passed_ms = round((at_s - phases.line_s) * 1000.0, 1)
            fields[f"{field}_ms"] = passed_ms
            parts.append(f"{step} {passed_ms:g} ms")
    text = f"{vrrp}: claimed {address} in {passed_ms:g} ms ({', '.join(parts)}); cause: {cause}"
    return Report("address.claimed", text, fields)


def address_drifted(vrrp: VrrpId, address: str, holder: Holder, named: str) -> Report:
    """We are MASTER and had it, and it is somewhere else."""
    return Report(
        "address.drifted",
        f"{vrrp}: {address} was taken from this server, which is MASTER; {named} has it now",
        {**_of(vrrp, address), "holder": holder_key(holder), "reason": "drift"},
    )


def address_held_down(
    vrrp: VrrpId, address: str, holder: Other, named: str, wait_s: float
) -> Report:
    """Another server takes it again and again."""
    return Report(
        "address.held_down",
        f"{vrrp}: {named} keeps taking {address} although this server is MASTER; most likely both "
        f"are MASTER. Holding down for {wait_s:.0f} s. To look: "
        f"{cures.cure_of('address.held_down')}",
        {**_of(vrrp, address), "holder": holder_key(holder), "delay_s": round(wait_s, 1)},
    )


def address_resolved(vrrp: VrrpId, ref: str, address: str, floating_ip_id: int) -> Report:
    """What is configured was found in the project."""
    return Report(
        "address.resolved",
        f"{vrrp}: {ref} is floating IP {address} (id {floating_ip_id})",
        {**_of(vrrp, address), "floating_ip_id": floating_ip_id},
    )


NOT_THERE = (
    "this token's project has no such floating IP; correct floating_ips in the configuration, "
    "or use the token of its project"
)
NAMED_TWICE = "it is the same floating IP as another entry of the configuration; name it once"


def unusable(why: str) -> str:
    """Say that the API showed a floating IP that may be the one, but not what is needed of it."""
    return f"the API's list has one that may be it, but cannot be used: {why}"


def address_unresolved(vrrp: VrrpId, ref: str, why: str) -> Report:
    """What is configured names no floating IP, or one that another entry names."""
    return Report(
        "address.unresolved", f"{vrrp}: {ref}: {why}", {**_of(vrrp, ref), "reason": "unresolved"}
    )


def address_renamed(vrrp: VrrpId, ref: str, found: FloatingIp) -> Report:
    """The floating IP has another name than the configuration says; its id is the same."""
    return Report(
        "address.resolved",
        f"{vrrp}: the floating IP {ref} is now called {found.name}; it stays ours until the next "
        "start; write its new name, or its id, into floating_ips of the configuration",
        {**_of(vrrp, ref), "floating_ip_id": found.id},
    )


def address_blocked(vrrp: VrrpId, address: str) -> Report:
    """Hetzner has blocked the address."""
    return Report(
        "address.blocked",
        f"{vrrp}: {address} is blocked by Hetzner: no traffic reaches it, wherever it is; "
        f"{cures.cure_of('address.blocked')}",
        {**_of(vrrp, address), "reason": "blocked"},
    )


def zone_differs(vrrp: VrrpId, address: str, zone: str, server: Server) -> Report:
    """The address and this server are in different network zones."""
    return Report(
        "address.zone_mismatch",
        f"{vrrp}: {address} belongs to network zone {zone}, this server to "
        f"{server.network_zone}; Hetzner may refuse to assign it",
        {**_of(vrrp, address), "reason": "network zone"},
    )


def api_failed(failure: Failure, what: str) -> Report:
    """A read failed; reported once until an answer comes."""
    fields: Fields = {"reason": failure.kind.value, "error_code": failure.code}
    if failure.http_status is not None:
        fields["http_status"] = failure.http_status
    if failure.correlation_id:
        fields["correlation_id"] = failure.correlation_id
    match failure.kind:
        case FailureKind.AUTH:
            event, what_now = "token.rejected", AUTH_WAY_OUT
        case FailureKind.THROTTLED:
            event, what_now = "api.throttled", "waiting as Hetzner asks"
        case _:
            event, what_now = (
                "api.failed",
                "hakeeper follows the roles, gives no address up, and retries",
            )
    return Report(event, f"{what} failed: {failure.message} ({failure.code}); {what_now}", fields)


def api_recovered(lasted_s: float) -> Report:
    """The API answers again."""
    return Report(
        "api.recovered",
        f"the Hetzner API answers again after {lasted_s:.1f} s",
        {"duration_s": round(lasted_s, 1)},
    )


def server_identified(server: Server, source: str) -> Report:
    """We know which server this is."""
    return Report(
        "server.identified",
        f"this machine is server {server.name} (id {server.id}), known from {source}",
        {"server_id": server.id, "reason": source},
    )


def not_this_machine(server: Server, source: str) -> str:
    """Return why a server that exists is not taken for this machine."""
    own = " and ".join(map(str, map(ByNetwork, server.own or ())))
    has = f"of its addresses, {own}, none is here" if own else "it has no address at all"
    return f"{server.name} (id {server.id}, from: {source}) is not this machine: {has}"


def server_unidentified(failure: Failure) -> Report:
    """We do not know which server this is, so nothing can be claimed."""
    if failure.kind is FailureKind.AUTH:  # the identity is not what has to be put right
        return api_failed(failure, "asking which server this is")
    return Report(
        "server.unidentified",
        f"it is not known yet which Hetzner server this is: {failure.message} ({failure.code}); "
        "nothing can be claimed until then; retrying",
        {"reason": failure.kind.value, "error_code": failure.code},
    )
