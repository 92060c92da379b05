"""What the journal says of claims, of addresses and of the API, one function a decision."""

from collections.abc import Callable, Mapping
from typing import Any, Final, assert_never

from hakeeper.adapters import cures
from hakeeper.adapters.journal.entry import Entry, Fields, of_resource
from hakeeper.core.apis.servers import holder_key
from hakeeper.core.calls import (
    Failure,
    FailureKind,
    Identify,
    ReadActions,
    ReadAll,
    ReadOne,
    ReadServer,
    Request,
)
from hakeeper.core.decisions import claims, resources
from hakeeper.core.decisions.base import OfResource
from hakeeper.core.decisions.decision import Decision
from hakeeper.core.kind import Api
from hakeeper.core.observation import ResourceId, Us
from hakeeper.kinds import KINDS, api_named

# --- claims ----------------------------------------------------------------------------------


def _rejected(api: Api, secret_file: str) -> tuple[str, str]:
    """Return the event of a token or login that is refused, and what follows."""
    event = f"{api.known_by}.rejected"
    again = "retrying until then"
    if api.patience.login_wait_s:
        again = (
            f"trying again in {api.patience.login_wait_s / 60.0:.0f} minutes, or after a restart"
        )
    return event, f"to mend it: {cures.secret_cure(event, secret_file)}; {again}"


def _throttled(api: Api) -> tuple[str, str]:
    return "api.throttled", f"waiting as {cures.owner_of(api)} asks"


def _claim_started(made: claims.ClaimStarted) -> Entry:
    so_far = f"holder so far: {made.holder_name}"
    if isinstance(made.holder, Us):
        so_far = "that it is here was read before this server lost the role, and may be old"
    return Entry(
        "claim.started",
        f"{made.vrrp}: assigning {made.label} to this server ({made.cause}); {so_far}",
        {**of_resource(made), "holder": holder_key(made.holder), "reason": made.cause},
    )


def _claim_abandoned(made: claims.ClaimAbandoned) -> Entry:
    text = f"{made.vrrp}: giving up the claim to {made.label}: {made.reason}"
    return Entry("claim.abandoned", text, {**of_resource(made), "reason": made.reason})


def _claim_failed(made: claims.ClaimFailed) -> Entry:
    failure = made.failure
    match failure.kind:
        case FailureKind.OUTCOME_UNKNOWN:
            event, what_now = "claim.unknown", "it may have been done; reading the holder"
        case FailureKind.LOCKED:
            event, what_now = "claim.failed", "reading the holder"
            if failure.http_status is not None:  # else it is the action that failed
                what_now = f"something else is under way; {what_now}"
        case FailureKind.ALREADY:
            event, what_now = "claim.failed", "reading the holder"
        case FailureKind.AUTH:
            event, what_now = _rejected(api_named(made.api), made.secret_file)
        case FailureKind.NOT_FOUND | FailureKind.REFUSED:
            event, what_now = "claim.refused", "it needs a change by hand; retrying until then"
        case FailureKind.THROTTLED:
            event, what_now = _throttled(api_named(made.api))
        case FailureKind.TRANSIENT | FailureKind.CANCELLED:
            event, what_now = "claim.failed", "retrying"
        case _:  # pragma: no cover
            assert_never(failure.kind)
    why = f"{failure.message} ({failure.code}); {what_now}"
    text = f"{made.vrrp}: assigning {made.label} failed: {why}"
    return Entry(event, text, {**of_resource(made), **_failure(made.api, failure)})


def _claim_unseen(made: claims.ClaimUnseen) -> Entry:
    what = f"the assign succeeded, but {made.holder_name} has it still; assigning again"
    return _claim_unknown(made, what)


def _action_overdue(made: claims.ActionOverdue) -> Entry:
    return _claim_unknown(made, "the action has no end in sight; reading the holder instead")


def _claim_unknown(made: OfResource, what: str) -> Entry:
    text = f"{made.vrrp}: {made.label}: {what}"
    return Entry("claim.unknown", text, {**of_resource(made), "reason": what})


def _resource_confirmed(made: claims.ResourceConfirmed) -> Entry:
    text = f"{made.vrrp}: {made.label} is on this server already ({made.cause})"
    return Entry(
        "address.confirmed", text, {**of_resource(made), "holder": "us", "reason": made.cause}
    )


def _resource_claimed(made: claims.ResourceClaimed) -> Entry:
    phases = made.phases
    fields: Fields = {
        **of_resource(made),
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


def _resource_drifted(made: claims.ResourceDrifted) -> Entry:
    return Entry(
        "address.drifted",
        f"{made.vrrp}: {made.label} was taken from this server, which is MASTER; "
        f"{made.holder_name} has it now",
        {**of_resource(made), "holder": holder_key(made.holder), "reason": "drift"},
    )


def _resource_held_down(made: claims.ResourceHeldDown) -> Entry:
    return Entry(
        "address.held_down",
        f"{made.vrrp}: {made.holder_name} keeps taking {made.label} although this server is "
        f"MASTER; most likely both are MASTER. Holding down for {made.wait_s:.0f} s. To look: "
        f"{cures.cure_of('address.held_down')}",
        {**of_resource(made), "holder": holder_key(made.holder), "delay_s": round(made.wait_s, 1)},
    )


# --- the API and what it shows ---------------------------------------------------------------

READING: Final[Mapping[type[Request], str]] = {
    Identify: "asking which server this is",
    ReadAll: "reading the holders",
    ReadOne: "reading the holders",
    ReadActions: "reading an action",
    ReadServer: "reading a server",
}


def _resource_resolved(made: resources.ResourceResolved) -> Entry:
    noun = KINDS[made.ref.kind].noun
    text = f"{made.vrrp}: {made.ref} is {noun} {made.label} (id {made.resource_id})"
    return Entry("address.resolved", text, {**of_resource(made), **_named(made.resource_id)})


def _named(resource: ResourceId) -> Fields:
    return {"resource_kind": resource.kind, "resource_id": resource.key}


def _resource_renamed(made: resources.ResourceRenamed) -> Entry:
    kind = KINDS[made.found.id.kind]
    return Entry(
        "address.resolved",
        f"{made.vrrp}: the {kind.noun} {made.label} is now called {made.found.name}; it stays ours "
        f"until the next start; write its new name, or its id, into {kind.config_key} of the "
        "configuration",
        {**of_resource(made), **_named(made.found.id)},
    )


def _resource_unresolved(made: resources.ResourceUnresolved) -> Entry:
    text = f"{made.vrrp}: {made.label}: {made.why}"
    return Entry("address.unresolved", text, {**of_resource(made), "reason": "unresolved"})


def _resource_blocked(made: resources.ResourceBlocked) -> Entry:
    return Entry(
        "address.blocked",
        f"{made.vrrp}: {made.label} is blocked by Hetzner: no traffic reaches it, wherever it is; "
        f"{cures.cure_of('address.blocked')}",
        {**of_resource(made), "reason": "blocked"},
    )


def _zone_mismatch(made: resources.ZoneMismatch) -> Entry:
    return Entry(
        "address.zone_mismatch",
        f"{made.vrrp}: {made.label} belongs to network zone {made.zone}, this server to "
        f"{made.server_zone}; Hetzner may refuse to assign it",
        {**of_resource(made), "reason": "network zone"},
    )


def _api_failed(made: resources.ApiFailed) -> Entry:
    failure = made.failure
    match failure.kind:
        case FailureKind.AUTH:
            event, what_now = _rejected(api_named(made.api), made.secret_file)
        case FailureKind.THROTTLED:
            event, what_now = _throttled(api_named(made.api))
        case _:
            event = "api.failed"
            what_now = "hakeeper follows the roles, gives no address up, and retries"
    what = READING[type(made.request)]
    text = f"{what} failed: {failure.message} ({failure.code}); {what_now}"
    return Entry(event, text, _failure(made.api, failure))


def _api_recovered(made: resources.ApiRecovered) -> Entry:
    text = f"{cures.api_name(api_named(made.api))} answers again after {made.lasted_s:.1f} s"
    fields: Fields = {"api": made.api, "duration_s": round(made.lasted_s, 1)}
    return Entry("api.recovered", text, fields)


def _server_identified(made: resources.ServerIdentified) -> Entry:
    server, source = made.server, made.source
    who = server.name if server.name == server.id else f"{server.name} (id {server.id})"
    text = f"this machine is server {who}, known from {source}"
    fields: Fields = {"api": made.api, "server_id": server.id, "reason": source}
    return Entry("server.identified", text, fields)


def _server_unidentified(made: resources.ServerUnidentified) -> Entry:
    failure = made.failure
    whose = cures.owner_of(api_named(made.api))
    return Entry(
        "server.unidentified",
        f"it is not known yet which {whose} server this is: {failure.message} ({failure.code});"
        " nothing can be claimed until then; retrying",
        {"api": made.api, "reason": failure.kind.value, "error_code": failure.code},
    )


def _failure(api: str, failure: Failure) -> Fields:
    fields: Fields = {
        "api": api,
        "reason": failure.kind.value,
        "error_code": failure.code,
    }
    if failure.http_status is not None:
        fields["http_status"] = failure.http_status
    if failure.correlation_id:
        fields["correlation_id"] = failure.correlation_id
    return fields


WORDING: Final[Mapping[type[Decision], Callable[[Any], Entry]]] = {
    claims.ClaimStarted: _claim_started,
    claims.ClaimAbandoned: _claim_abandoned,
    claims.ClaimFailed: _claim_failed,
    claims.ClaimUnseen: _claim_unseen,
    claims.ActionOverdue: _action_overdue,
    claims.ResourceConfirmed: _resource_confirmed,
    claims.ResourceClaimed: _resource_claimed,
    claims.ResourceDrifted: _resource_drifted,
    claims.ResourceHeldDown: _resource_held_down,
    resources.ResourceResolved: _resource_resolved,
    resources.ResourceRenamed: _resource_renamed,
    resources.ResourceUnresolved: _resource_unresolved,
    resources.ResourceBlocked: _resource_blocked,
    resources.ZoneMismatch: _zone_mismatch,
    resources.ApiFailed: _api_failed,
    resources.ApiRecovered: _api_recovered,
    resources.ServerIdentified: _server_identified,
    resources.ServerUnidentified: _server_unidentified,
}
"""By the kind of decision."""
