"""What people read of a problem: what is wrong, why, and the way out; one function a kind."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from hakeeper.adapters.cures import (
    CHECK,
    DBUS,
    api_cure,
    api_name,
    cure_of,
    fifo_cure,
    identity_cure,
    missing_block,
    other_name,
    owner_of,
    refusal_cure,
)
from hakeeper.adapters.paused_by import paused_by, user
from hakeeper.core.apis.failure_table import READ_ONLY, RESPONSES, Scope, api_code
from hakeeper.core.calls import Failure
from hakeeper.core.keepalived.listener import NO_INSTANCE
from hakeeper.core.kind import Api, named_twice
from hakeeper.diagnosis import operator_problems as operator
from hakeeper.diagnosis import problems as core
from hakeeper.kinds import FLOATING_IPS, KINDS

NAMES_SHOWN: Final = 5
_NO_PID_FILE: Final = "keepalived.pid_file leads to no keepalived"


@dataclass(frozen=True, slots=True)
class Told:
    """`what`, because of `cause` (it may be empty): do `cure`."""

    what: str
    cause: str = ""
    cure: str = ""


def told(trouble: core.Trouble) -> Told:
    """Return what people read of a trouble."""
    found = TROUBLE_WORDS[type(trouble)](trouble)
    return found if found.cure else replace(found, cure=cure_of(trouble.code))


def _said(failure: Failure) -> str:
    return f"{failure.message} ({failure.code})"


# --- the API and the configuration ------------------------------------------------------------

_API_WORDS: Final = {
    "token.rejected": "{whose} rejects the API token",
    "token.readonly": "the API token may only read",
    "login.rejected": "{whose} refuses the login",
    "api.throttled": "{whose} takes no more calls for now",
    "api.unresolved": "{api} cannot be reached",
    "api.unreachable": "{api} cannot be reached",
}


def _api_fails(it: core.ApiFails) -> Told:
    api = api_name(it.api)
    what = _API_WORDS.get(it.code, "{api} cannot be used").format(api=api, whose=owner_of(it.api))
    if it.code == "api.unreachable" and it.failure.http_status is not None:
        what = f"{api} answers with errors"
    return Told(what, _said(it.failure), api_cure(it.api, it.code, it.endpoint, it.secret_file))


def _read_refused(it: core.ReadRefused) -> Told:
    what = f"{owner_of(it.api)} refuses to let the addresses be read"
    return Told(what, _said(it.failure))


def _quota_low(it: core.QuotaLow) -> Told:
    return Told(f"{it.left} of {it.limit_per_hour} API calls are left in this hour")


def _server_unknown(it: core.ServerUnknown) -> Told:
    not_yet = "the API has not confirmed it yet"
    cause = not_yet if it.failure is None else _said(it.failure)
    return Told(_not_identified(it.api), cause, identity_cure(it.api))


def _not_identified(api: Api) -> str:
    return f"which {owner_of(api)} server this is, is not known"


def _reload_refused(it: core.ReloadRefused) -> Told:
    what = "a reload was refused: the old configuration is in force, and the next start would fail"
    return Told(what, it.reason)


def _paused(it: operator.HakeeperPaused) -> Told:
    return Told(f"hakeeper is paused by {paused_by(it.pause)}: it moves nothing", it.pause.reason)


def _stepped_down(it: operator.SteppedDown) -> Told:
    by = user(it.step_down.by, it.step_down.user_id)
    return Told(f"this server stepped down for {by}: other nodes go first", it.step_down.reason)


# --- keepalived -------------------------------------------------------------------------------


def _fifo_closed(it: core.FifoClosed) -> Told:
    return Told("keepalived cannot be heard", it.detail, fifo_cure(it.code, it.path))


def _no_writer(it: core.NoWriter) -> Told:
    return Told(
        f"keepalived runs, but does not write to {it.path}",
        "its configuration has no such line, or it holds another file of that name",
        fifo_cure(it.code, it.path),
    )


def _keepalived_unseen(_: core.KeepalivedUnseen) -> Told:
    return Told("keepalived writes lines, but its process is not seen", _NO_PID_FILE)


def _keepalived_down(_: core.KeepalivedDown) -> Told:
    return Told("keepalived was stopped in order")


def _keepalived_ended(it: core.KeepalivedEnded) -> Told:
    return Told("keepalived does not run", it.reason or _NO_PID_FILE)


def _keepalived_hangs(it: core.KeepalivedHangs) -> Told:
    what = "keepalived hangs: nothing is taken from another server until it answers"
    return Told(what, f"asked over D-Bus: {it.reason}")


def _keepalived_unasked(it: core.KeepalivedUnasked) -> Told:
    return Told("keepalived.state is dbus, and keepalived cannot be asked", it.reason)


# --- roles ------------------------------------------------------------------------------------


def _role_doubtful(it: core.RoleDoubtful) -> Told:
    what = f"{it.vrrp}: that it is {it.role.value} is doubtful"
    return Told(what, "the FIFO was replaced or read by another process, so lines may be lost")


def _role_unknown(it: core.RoleUnknown) -> Told:
    asked = f"; it cannot be asked: {it.query_failure}" if it.query_failure else ""
    cause = f"keepalived runs, but has not said it{asked}"
    # Where keepalived is not on D-Bus, the check would name no other line.
    cure = DBUS if it.query_failure not in ("", NO_INSTANCE) else ""
    return Told(f"{it.vrrp}: the role is not known", cause, cure)


def _role_unheard(it: core.RoleUnheard) -> Told:
    what = f"keepalived never speaks of {it.vrrp}"
    if it.is_surely_missing:
        what = f"keepalived has no {it.vrrp}{' any more' if it.was_named else ''}"
    if not it.others:
        cause = "every name that it has is in hakeeper.yaml already"
        return Told(what, cause, missing_block(it.vrrp))
    cause = f"it speaks of {', '.join(it.others[:NAMES_SHOWN])}"
    return Told(what, cause, other_name(it.vrrp, it.others[0]))


def _role_fault(it: core.RoleFault) -> Told:
    return Told(f"{it.vrrp} is in FAULT: this server cannot become MASTER")


def _role_stopped(it: core.RoleStopped) -> Told:
    return Told(f"{it.vrrp} was stopped or removed by keepalived, which runs")


def _isolated(it: core.Isolated) -> Told:
    missing = ", ".join(map(str, it.missing))
    what = f"{it.vrrp}: nothing is claimed: vrrp_address {missing} is not on this machine"
    return Told(what, cure=cure_of(it.code, vrrp_address=missing))


def _isolation_ends(it: core.IsolationEnds) -> Told:
    return Told(f"{it.vrrp}: its private address is back; giving a better master time to speak")


# --- addresses --------------------------------------------------------------------------------


def _unresolved(it: core.Unresolved) -> Told:
    if any(it.why == named_twice(kind) for kind in KINDS.values()):
        return Told(f"{it.vrrp}: {it.noun} {it.ref} is listed twice", it.why, CHECK)
    cure = "" if it.noun == FLOATING_IPS.noun else CHECK
    return Told(f"{it.vrrp}: {it.noun} {it.ref} is not found", it.why, cure)


def _nothing_chosen(it: operator.NothingChosen) -> Told:
    cause = f"none of the {it.noun}s of the token's project has such labels; it has {it.listed}"
    return Told(f"{it.vrrp}: {it.ref} chooses no {it.noun}", cause)


def _chosen_twice(it: operator.ChosenTwice) -> Told:
    cause = f"{it.owner.ref} of {it.owner.vrrp}, which stands first in the configuration, has it"
    return Told(f"{it.vrrp}: {it.ref} chooses {it.label}, which follows {it.owner.vrrp}", cause)


def _blocked(it: core.Blocked) -> Told:
    return Told(f"{it.title} is blocked by Hetzner: no traffic reaches it")


def _held_down(it: core.HeldDown) -> Told:
    takes = "which takes it back although this server is MASTER"
    return Told(f"{it.title} is held by {it.holder_name}, {takes}")


def _disputed(it: core.Disputed) -> Told:
    cause = "it may be MASTER, too, and try again; or somebody moved it by hand"
    return Told(f"another server took {it.title} while this one was MASTER", cause)


def _unauthorized(it: core.Unauthorized) -> Told:
    readonly = f"the token may only read ({READ_ONLY})"
    cause = readonly if it.code == "token.readonly" else _said(it.failure)
    what = f"{owner_of(it.api)} refuses the assign of {it.title}"
    return Told(what, cause, api_cure(it.api, it.code, it.endpoint, it.secret_file))


def _pending(it: core.Pending) -> Told:
    what = f"{it.title} is not confirmed on this server, which is MASTER"
    server, kind = it.server_name or "this server", KINDS[it.kind]
    where = kind.by_hand.format(address=it.title, server=server)
    by_hand = cure_of(it.code, where=where)
    failure = it.failure
    if failure is not None:
        if RESPONSES[failure.kind].scope in (Scope.REQUEST, Scope.RESOURCE):
            possible = _refusal(it, failure)
            return Told(what, _said(failure), possible or by_hand)
        cure = api_cure(kind.api, api_code(failure, kind.api.known_by), it.endpoint)
        return Told(what, _said(failure), f"{cure}; {by_hand}")
    if it.server_name is None:
        return Told(what, _not_identified(kind.api), identity_cure(kind.api))
    return Told(what, it.stage, by_hand)


def _refusal(it: core.Pending, failure: Failure) -> str:
    """Return what makes a refused step possible, if that is known."""
    server, network = it.server_name or "SERVER", it.part or "NETWORK"
    return refusal_cure(failure.code, server=server, network=network)


def _left_by_pause(it: operator.LeftByPause) -> Told:
    what = f"{it.title} stays with {it.holder_name}, although this server is MASTER"
    return Told(what, "hakeeper is paused")


def _left_here(it: core.LeftHere) -> Told:
    what = f"{it.title} is on this server, which is {it.role.value}"
    return Told(what, "no MASTER has claimed it")


def _nowhere(it: core.Nowhere) -> Told:
    where = f"{it.holder_name}, which is {it.status}" if it.holder_name else "no server"
    return Told(f"{it.title} is on {where}")


TROUBLE_WORDS: Final[Mapping[type[core.Trouble], Callable[[Any], Told]]] = {
    core.ApiFails: _api_fails,
    core.ReadRefused: _read_refused,
    core.QuotaLow: _quota_low,
    core.ServerUnknown: _server_unknown,
    core.ReloadRefused: _reload_refused,
    core.FifoClosed: _fifo_closed,
    core.NoWriter: _no_writer,
    core.KeepalivedUnseen: _keepalived_unseen,
    core.KeepalivedDown: _keepalived_down,
    core.KeepalivedEnded: _keepalived_ended,
    core.KeepalivedHangs: _keepalived_hangs,
    core.KeepalivedUnasked: _keepalived_unasked,
    core.RoleDoubtful: _role_doubtful,
    core.RoleUnknown: _role_unknown,
    core.RoleUnheard: _role_unheard,
    core.RoleFault: _role_fault,
    core.RoleStopped: _role_stopped,
    core.Isolated: _isolated,
    core.IsolationEnds: _isolation_ends,
    core.Unresolved: _unresolved,
    operator.NothingChosen: _nothing_chosen,
    operator.ChosenTwice: _chosen_twice,
    operator.HakeeperPaused: _paused,
    operator.LeftByPause: _left_by_pause,
    operator.SteppedDown: _stepped_down,
    core.Blocked: _blocked,
    core.HeldDown: _held_down,
    core.Disputed: _disputed,
    core.Unauthorized: _unauthorized,
    core.Pending: _pending,
    core.LeftHere: _left_here,
    core.Nowhere: _nowhere,
}
"""By the kind of trouble; there is one for each."""
