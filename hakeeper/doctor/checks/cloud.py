"""The API, the clock, the token, the quota, and which server this is."""

from collections.abc import Iterator
from typing import Final

from hakeeper.adapters.cures import TOKEN_SOURCE, api_cure, cure_of
from hakeeper.core.calls import NO_IDENTITY, Failure, FailureKind, Identified, MutationAccepted
from hakeeper.core.failure_table import READ_ONLY, api_code
from hakeeper.doctor.checks.identity import is_another
from hakeeper.doctor.facts import ApiFacts, Facts
from hakeeper.doctor.finding import CheckResult, Finding, Passed, error, warning
from hakeeper.kinds.apis import CLOUD

SKEW_S: Final = 60.0
"""Report a clock that is wrong by more: days break TLS, seconds confuse readers of two logs."""
LOW_QUOTA_DIVISOR: Final = 10
"""Warn when less than one tenth of the quota is left; below that the daemon saves calls, too."""
_REFUSED_DESPITE_TOKEN: Final = (
    FailureKind.NOT_FOUND,
    FailureKind.REFUSED,
    FailureKind.LOCKED,
)
"""How the probe's assign ends if the token may write: it names nothing that exists."""


def _failures(api: ApiFacts) -> tuple[Failure, ...]:
    return tuple(r.outcome for r in api.results if isinstance(r.outcome, Failure))


def _is_unavailable(failure: Failure) -> bool:
    """Say whether the API is unavailable: no answer, or one that is not about this request."""
    return failure.kind in {FailureKind.TRANSIENT, FailureKind.OUTCOME_UNKNOWN} and (
        failure.code != NO_IDENTITY
    )


def api(facts: Facts) -> Iterator[CheckResult]:
    """Check that the API answers, if any resource needs it."""
    if CLOUD.name not in facts.config.config.apis:
        return
    endpoint = facts.config.config.hetzner.endpoint
    troubles = {f.code: f for f in _failures(facts.api) if _is_unavailable(f)}
    if not troubles:
        yield Passed(f"{endpoint} answers")
    for code, failure in troubles.items():
        yield _tls(facts, failure) if code == "tls" else _unreachable(facts, failure)


def _unreachable(facts: Facts, failure: Failure) -> Finding:
    endpoint = facts.config.config.hetzner.endpoint
    support = f", correlation id {failure.correlation_id}" if failure.correlation_id else ""
    return error(
        f"the API at {endpoint} does not work: {failure.message} ({failure.code}{support})",
        why="no address can be assigned without it",
        cure=api_cure(CLOUD, api_code(failure, CLOUD.known_by), endpoint),
        place=facts.config.key("hetzner.endpoint"),
    )


def _tls(facts: Facts, failure: Failure) -> Finding:
    ahead_s = facts.api.ahead_s
    if ahead_s is not None and abs(ahead_s) > SKEW_S:
        return error(
            f"{failure.message}; {_skew(ahead_s)}",
            why="with a wrong clock a good certificate is not valid, and no call is made",
            cure="timedatectl set-ntp true; then see: timedatectl timesync-status",
        )
    ca_file = facts.config.config.hetzner.ca_file
    cure = (
        "apt install --reinstall ca-certificates"
        if ca_file is None
        else f"add the authority that signed it to {ca_file}"
    )
    clock_note = "" if ahead_s is None else " (the clock is right)"
    return error(
        f"{failure.message}{clock_note}",
        why="hakeeper sends the token only to a verified server, so no call is made",
        cure=f"{cure}; to see who answers: openssl s_client -connect HOST:443",
        place=facts.config.key("hetzner.ca_file"),
    )


def _skew(ahead_s: float) -> str:
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


def clock(facts: Facts) -> Iterator[CheckResult]:
    """Check this machine's clock; if TLS fails because of it, `api` reports that."""
    ahead_s = facts.api.ahead_s
    if ahead_s is None or any(failure.code == "tls" for failure in _failures(facts.api)):
        return
    if abs(ahead_s) <= SKEW_S:
        yield Passed(f"within {max(1.0, abs(ahead_s)):.0f} s of the API's")
        return
    yield warning(
        _skew(ahead_s),
        why="a few days' error makes certificates invalid, and the logs of two servers cannot be"
        " compared",
        cure="timedatectl set-ntp true; then see: timedatectl timesync-status",
    )


def token(facts: Facts) -> Iterator[CheckResult]:
    """Check that the token is valid and may write."""
    source = facts.config.token_source
    refused = next((f for f in _failures(facts.api) if f.kind is FailureKind.AUTH), None)
    if refused is not None:
        yield _refused(refused, source, facts)
        return
    probe = facts.api.may_write
    match None if probe is None else probe.outcome:
        case Failure(kind=kind) if kind in _REFUSED_DESPITE_TOKEN:
            yield Passed(f"may read and write ({source})")
        case Failure(kind=kind, code=code) if kind is not FailureKind.THROTTLED:
            yield error(
                f"it is unknown whether the token ({source}) may write: the test request ended"
                f" with {code}",
                why="a token that may only read cannot assign an address",
                cure="run this check again",
            )
        case MutationAccepted():
            yield error(
                "the API accepted an assign of floating IP 0 to server 0, which cannot exist",
                why="something other than Hetzner's API answers",
                cure="check the value of hetzner.endpoint",
                place=facts.config.key("hetzner.endpoint"),
            )
        case _:
            return


def _refused(failure: Failure, source: str, facts: Facts) -> Finding:
    cure = cure_of(api_code(failure, CLOUD.known_by))
    place = None
    if facts.config.config.hetzner.token_file is not None:
        place = facts.config.key("hetzner.token_file")
        cure = f"{TOKEN_SOURCE}; then write it to {facts.config.config.hetzner.token_file}"
    if failure.code == READ_ONLY:
        return error(
            f"the token ({source}) may only read (token_readonly)",
            why="reading works, so nothing looks wrong until the first assign is refused",
            cure=cure,
            place=place,
        )
    return error(
        f"the API refuses the token ({source}): {failure.message} ({failure.code})",
        why="no call is answered, so nothing can be assigned",
        cure=cure,
        place=place,
    )


def quota(facts: Facts) -> Iterator[CheckResult]:
    """Check how many API calls are left in this hour."""
    throttled = next((f for f in _failures(facts.api) if f.kind is FailureKind.THROTTLED), None)
    cure = cure_of("quota.low")
    place = facts.config.key("reconcile.interval")
    if throttled is not None:
        what = f"the project has used up its API calls of this hour (429 {throttled.code})"
        why = "a failover would have to wait for the next free call"
        yield error(what, why=why, cure=cure, place=place)
        return
    quotas = [result.quota for result in facts.api.results if result.quota is not None]
    if not quotas:
        return
    lowest = min(quotas, key=lambda each: each.remaining)
    text = f"{lowest.remaining} of {lowest.limit_per_hour} calls left"
    if lowest.remaining * LOW_QUOTA_DIVISOR >= lowest.limit_per_hour:
        yield Passed(text)
        return
    why = "with no call left, a failover has to wait"
    yield warning(f"{text} in this hour", why=why, cure=cure, place=place)


def server(facts: Facts) -> Iterator[CheckResult]:
    """Check which server this is, and that the token's project has it."""
    place = facts.config.key("server")
    match facts.api.identified.outcome:
        case Identified(server=found, source=source):
            if not is_another(facts):
                yield Passed(f"{found.name} (id {found.id}), from: {source}")
        case Failure(kind=FailureKind.NOT_FOUND, message=message):
            yield error(
                message,
                why="an address can only be assigned to a server of the token's project",
                cure=cure_of("server.unidentified"),
                place=place,
            )
        case Failure(code=code, message=message) if code == NO_IDENTITY:
            yield error(
                message,
                why="hakeeper assigns addresses to this server, so it must know which one it is",
                cure=cure_of("server.unidentified"),
                place=place,
            )
        case Failure(kind=FailureKind.REFUSED, code=code, message=message):
            yield error(
                f"the API refuses to name this server: {message} ({code})",
                why="hakeeper assigns addresses to this server, so it must know which one it is",
                cure=cure_of("server.unidentified"),
                place=place,
            )
        case _:
            return
