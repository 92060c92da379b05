"""Does an API answer? The same for each API."""

from collections.abc import Iterator
from typing import Final

from hakeeper.adapters.cures import api_cure
from hakeeper.core.apis.failure_table import api_code
from hakeeper.core.calls import NO_IDENTITY, Failure, FailureKind
from hakeeper.core.kind import Api
from hakeeper.doctor.facts import Facts
from hakeeper.doctor.finding import CheckResult, Finding, Passed, error
from hakeeper.kinds.apis import ROBOT

SKEW_S: Final = 60.0
"""Report a clock that is wrong by more: days break TLS, seconds confuse readers of two logs."""
_SET_CLOCK: Final = "timedatectl set-ntp true; then see: timedatectl timesync-status"


def endpoint(facts: Facts, api: Api) -> str:
    """Return the URL of an API."""
    return facts.config.config.section_of(api.name).endpoint


def section(api: Api) -> str:
    """Return the section of hakeeper.yaml about an API."""
    return "robot" if api is ROBOT else "hetzner"


def who(api: Api) -> str:
    """Return who answers, within a sentence."""
    return api.title if api is ROBOT else "the API"


def answers(facts: Facts, api: Api) -> Iterator[CheckResult]:
    """Check that an API answers, if any resource needs it."""
    found = facts.at(api)
    if found is None:
        return
    troubles = {one.code: one for one in found.failures if _is_unavailable(one)}
    if not troubles:
        yield Passed(f"{endpoint(facts, api)} answers")
    for code, failure in troubles.items():
        yield _tls(facts, api, failure) if code == "tls" else _unreachable(facts, api, failure)


def _is_unavailable(failure: Failure) -> bool:
    """Say whether the API is unavailable: no answer, or one that is not about this request."""
    return failure.kind in {FailureKind.TRANSIENT, FailureKind.OUTCOME_UNKNOWN} and (
        failure.code != NO_IDENTITY
    )


def _unreachable(facts: Facts, api: Api, failure: Failure) -> Finding:
    where = endpoint(facts, api)
    support = f", correlation id {failure.correlation_id}" if failure.correlation_id else ""
    return error(
        f"{who(api)} at {where} does not work: {failure.message} ({failure.code}{support})",
        why="no address can be assigned without it",
        cure=api_cure(api, api_code(failure, api.known_by), where),
        place=facts.config.key(f"{section(api)}.endpoint"),
    )


def _tls(facts: Facts, api: Api, failure: Failure) -> Finding:
    # The clock is compared with Hetzner Cloud's; Robot is asked nothing without a login.
    ahead_s = None if facts.api is None else facts.api.ahead_s
    if ahead_s is not None and abs(ahead_s) > SKEW_S:
        return error(
            f"{failure.message}; {skew(ahead_s)}",
            why="with a wrong clock a good certificate is not valid, and no call is made",
            cure=_SET_CLOCK,
        )
    ca_file = facts.config.config.section_of(api.name).ca_file
    cure = (
        "apt install --reinstall ca-certificates"
        if ca_file is None
        else f"add the authority that signed it to {ca_file}"
    )
    clock_note = "" if ahead_s is None else " (the clock is right)"
    look = "" if ahead_s is not None else "; is the clock right? timedatectl"
    return error(
        f"{failure.message}{clock_note}",
        why=f"hakeeper sends the {api.known_by} only to a verified server, so no call is made",
        cure=f"{cure}; to see who answers: openssl s_client -connect HOST:443{look}",
        place=facts.config.key(f"{section(api)}.ca_file"),
    )


def skew(ahead_s: float) -> str:
    """Say by how much this machine's clock is wrong, and in which direction."""
    size_s = abs(ahead_s)
    unit, seconds = next(
        (unit, seconds)
        for unit, seconds in (("days", 86400), ("hours", 3600), ("minutes", 60), ("seconds", 1))
        if size_s >= 2 * seconds
    )
    direction = "ahead of" if ahead_s > 0 else "behind"
    return (
        f"this machine's clock is {size_s / seconds:.0f} {unit} {direction} the Date of the API's"
        " answer"
    )
