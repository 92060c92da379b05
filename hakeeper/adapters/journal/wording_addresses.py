"""What the journal says of claims, of addresses and of the API, one function a decision."""

from collections.abc import Callable, Mapping
from typing import Any, Final, assert_never

from hakeeper.adapters.journal.entry import Entry, Fields, of_address
from hakeeper.core import cures
from hakeeper.core import decisions as core
from hakeeper.core.calls import (
    Failure,
    FailureKind,
    Identify,
    ListFloatingIps,
    ReadActions,
    ReadFloatingIp,
    ReadServer,
    Request,
)
from hakeeper.core.servers import holder_key

# --- claims ----------------------------------------------------------------------------------

_AUTH_WAY_OUT: Final = (
    f"to mend it: {cures.cure_of('token.rejected')}; retrying every 10 s until then"
)
_AS_ASKED: Final = "waiting as Hetzner asks"


def _claim_started(made: core.ClaimStarted) -> Entry:
    return Entry(
        "claim.started",
        f"{made.vrrp}: assigning {made.label} to this server ({made.cause}); "
        f"holder so far: {made.holder_name}",
        {**of_address(made), "holder": holder_key(made.holder), "reason": made.cause},
    )


def _claim_abandoned(made: core.ClaimAbandoned) -> Entry:
    text = f"{made.vrrp}: giving up the claim to {made.label}: {made.reason}"
    return Entry("claim.abandoned", text, {**of_address(made), "reason": made.reason})


def _claim_failed(made: core.ClaimFailed) -> Entry:
    failure = made.failure
    match failure.kind:
        case FailureKind.OUTCOME_UNKNOWN:
            event, what_now = "claim.unknown", "it may have been done; reading the holder"
        case FailureKind.LOCKED:
            event, what_now = "claim.failed", "something else is under way; reading the holder"
        case FailureKind.AUTH:
            event, what_now = "token.rejected", _AUTH_WAY_OUT
        case FailureKind.NOT_FOUND | FailureKind.REFUSED:
            event, what_now = "claim.refused", "it needs a change by hand; retrying every 10 s"
        case FailureKind.THROTTLED:
            event, what_now = "api.throttled", _AS_ASKED
        case FailureKind.TRANSIENT | FailureKind.CANCELLED:
            event, what_now = "claim.failed", "retrying"
        case _:  # pragma: no cover
            assert_never(failure.kind)
    why = f"{failure.message} ({failure.code}); {what_now}"
    text = f"{made.vrrp}: assigning {made.label} failed: {why}"
    return Entry(event, text, {**of_address(made), **_failure(failure)})


def _claim_unseen(made: core.ClaimUnseen) -> Entry:
    what = f"the assign succeeded, but {made.holder_name} has it still; assigning again"
    return _claim_unknown(made, what)


def _action_overdue(made: core.ActionOverdue) -> Entry:
    return _claim_unknown(made, "the action has no end in sight; reading the holder instead")


def _claim_unknown(made: core.OfAddress, what: str) -> Entry:
    text = f"{made.vrrp}: {made.label}: {what}"
    return Entry("claim.unknown", text, {**of_address(made), "reason": what})


def _address_confirmed(made: core.AddressConfirmed) -> Entry:
    text = f"{made.vrrp}: {made.label} is on this server already ({made.cause})"
    return Entry(
        "address.confirmed", text, {**of_address(made), "holder": "us", "reason": made.cause}
    )


def _address_claimed(made: core.AddressClaimed) -> Entry:
    phases = made.phases
    fields: Fields = {
        **of_address(made),
        "holder": "us",
        "reason": made.cause,
        "attempt": made.failures + 1,
    }
    steps = (
        ("sent", "sent", phases.sent_s),
        ("accepted", "accepted", phases.accepted_s),
        ("finished", "action done", phases.finished_s),
        ("confirmed", "confirmed", phases.confirmed_s),
    )
    parts, passed_ms = [], 0.0
    for name, step, at_s in steps:
        if at_s is not None:
            passed_ms = round((at_s - phases.line_s) * 1000.0, 1)
            fields[f"{name}_ms"] = passed_ms
            parts.append(f"{step} {passed_ms:g} ms")
    took = f"in {passed_ms:g} ms ({', '.join(parts)})"
    text = f"{made.vrrp}: claimed {made.label} {took}; cause: {made.cause}"
    return Entry("address.claimed", text, fields)


def _address_drifted(made: core.AddressDrifted) -> Entry:
    return Entry(
        "address.drifted",
        f"{made.vrrp}: {made.label} was taken from this server, which is MASTER; "
        f"{made.holder_name} has it now",
        {**of_address(made), "holder": holder_key(made.holder), "reason": "drift"},
    )


def _address_held_down(made: core.AddressHeldDown) -> Entry:
    return Entry(
        "address.held_down",
        f"{made.vrrp}: {made.holder_name} keeps taking {made.label} although this server is "
        f"MASTER; most likely both are MASTER. Holding down for {made.wait_s:.0f} s. To look: "
        f"{cures.cure_of('address.held_down')}",
        {**of_address(made), "holder": holder_key(made.holder), "delay_s": round(made.wait_s, 1)},
    )


# --- the API and what it shows ---------------------------------------------------------------

READING: Final[Mapping[type[Request], str]] = {
    Identify: "asking which server this is",
    ListFloatingIps: "reading the holders",
    ReadFloatingIp: "reading the holders",
    ReadActions: "reading an action",
    ReadServer: "reading a server",
}


def _address_resolved(made: core.AddressResolved) -> Entry:
    number = made.floating_ip_id
    text = f"{made.vrrp}: {made.ref} is floating IP {made.label} (id {number})"
    return Entry("address.resolved", text, {**of_address(made), "floating_ip_id": number})


def _address_renamed(made: core.AddressRenamed) -> Entry:
    return Entry(
        "address.resolved",
        f"{made.vrrp}: the floating IP {made.label} is now called {made.found.name}; it stays ours "
        "until the next start; write its new name, or its id, into floating_ips of the "
        "configuration",
        {**of_address(made), "floating_ip_id": made.found.id},
    )


def _address_unresolved(made: core.AddressUnresolved) -> Entry:
    text = f"{made.vrrp}: {made.label}: {made.why}"
    return Entry("address.unresolved", text, {**of_address(made), "reason": "unresolved"})


def _address_blocked(made: core.AddressBlocked) -> Entry:
    return Entry(
        "address.blocked",
        f"{made.vrrp}: {made.label} is blocked by Hetzner: no traffic reaches it, wherever it is; "
        f"{cures.cure_of('address.blocked')}",
        {**of_address(made), "reason": "blocked"},
    )


def _zone_mismatch(made: core.ZoneMismatch) -> Entry:
    return Entry(
        "address.zone_mismatch",
        f"{made.vrrp}: {made.label} belongs to network zone {made.zone}, this server to "
        f"{made.server_zone}; Hetzner may refuse to assign it",
        {**of_address(made), "reason": "network zone"},
    )


def _api_failed(made: core.ApiFailed) -> Entry:
    failure = made.failure
    match failure.kind:
        case FailureKind.AUTH:
            event, what_now = "token.rejected", _AUTH_WAY_OUT
        case FailureKind.THROTTLED:
            event, what_now = "api.throttled", _AS_ASKED
        case _:
            event = "api.failed"
            what_now = "hakeeper follows the roles, gives no address up, and retries"
    what = READING[type(made.request)]
    text = f"{what} failed: {failure.message} ({failure.code}); {what_now}"
    return Entry(event, text, _failure(failure))


def _api_recovered(made: core.ApiRecovered) -> Entry:
    text = f"the Hetzner API answers again after {made.lasted_s:.1f} s"
    return Entry("api.recovered", text, {"duration_s": round(made.lasted_s, 1)})


def _server_identified(made: core.ServerIdentified) -> Entry:
    server, source = made.server, made.source
    text = f"this machine is server {server.name} (id {server.id}), known from {source}"
    return Entry("server.identified", text, {"server_id": server.id, "reason": source})


def _server_unidentified(made: core.ServerUnidentified) -> Entry:
    failure = made.failure
    return Entry(
        "server.unidentified",
        f"it is not known yet which Hetzner server this is: {failure.message} ({failure.code}); "
        "nothing can be claimed until then; retrying",
        {"reason": failure.kind.value, "error_code": failure.code},
    )


def _failure(failure: Failure) -> Fields:
    fields: Fields = {"reason": failure.kind.value, "error_code": failure.code}
    if failure.http_status is not None:
        fields["http_status"] = failure.http_status
    if failure.correlation_id:
        fields["correlation_id"] = failure.correlation_id
    return fields


WORDING: Final[Mapping[type[core.Decision], Callable[[Any], Entry]]] = {
    core.ClaimStarted: _claim_started,
    core.ClaimAbandoned: _claim_abandoned,
    core.ClaimFailed: _claim_failed,
    core.ClaimUnseen: _claim_unseen,
    core.ActionOverdue: _action_overdue,
    core.AddressConfirmed: _address_confirmed,
    core.AddressClaimed: _address_claimed,
    core.AddressDrifted: _address_drifted,
    core.AddressHeldDown: _address_held_down,
    core.AddressResolved: _address_resolved,
    core.AddressRenamed: _address_renamed,
    core.AddressUnresolved: _address_unresolved,
    core.AddressBlocked: _address_blocked,
    core.ZoneMismatch: _zone_mismatch,
    core.ApiFailed: _api_failed,
    core.ApiRecovered: _api_recovered,
    core.ServerIdentified: _server_identified,
    core.ServerUnidentified: _server_unidentified,
}
"""By the kind of decision."""
