"""The API, the clock, the token, the quota, and which server this is."""

from collections.abc import Iterator
from typing import Final

from hakeeper.adapters.cures import cure_of, secret_cure
from hakeeper.core.apis.failure_table import READ_ONLY, api_code
from hakeeper.core.calls import NO_IDENTITY, Failure, FailureKind, Identified, MutationAccepted
from hakeeper.doctor.checks.answers import SKEW_S, answers, skew
from hakeeper.doctor.checks.identity import is_another
from hakeeper.doctor.facts import Facts
from hakeeper.doctor.finding import CheckResult, Finding, Passed, error, warning
from hakeeper.kinds.apis import CLOUD

LOW_QUOTA_DIVISOR: Final = 10
"""Warn when less than one tenth of the quota is left; below that the daemon saves calls, too."""
_REFUSED_DESPITE_TOKEN: Final = (
    FailureKind.NOT_FOUND,
    FailureKind.REFUSED,
    FailureKind.LOCKED,
)
"""How the probe's assign ends if the token may write: it names nothing that exists."""


def api(facts: Facts) -> Iterator[CheckResult]:
    """Check that Hetzner Cloud answers, if any resource needs it."""
    return answers(facts, CLOUD)


def clock(facts: Facts) -> Iterator[CheckResult]:
    """Check this machine's clock; if TLS fails because of it, `api` reports that."""
    ahead_s = None if facts.api is None else facts.api.ahead_s
    if facts.api is None or ahead_s is None or any(f.code == "tls" for f in facts.api.failures):
        return
    if abs(ahead_s) <= SKEW_S:
        yield Passed(f"within {max(1.0, abs(ahead_s)):.0f} s of the API's")
        return
    yield warning(
        skew(ahead_s),
        why="a few days' error makes certificates invalid, and the logs of two servers cannot be"
        " compared",
        cure="timedatectl set-ntp true; then see: timedatectl timesync-status",
    )


def token(facts: Facts) -> Iterator[CheckResult]:
    """Check that the token is valid and may write."""
    if facts.api is None:
        return
    source = facts.config.token_source
    refused = next((f for f in facts.api.failures if f.kind is FailureKind.AUTH), None)
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
    file = facts.config.config.hetzner.secret_file
    cure = secret_cure(api_code(failure, CLOUD.known_by), file)
    place = facts.config.key("hetzner.token_file") if file else None
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
    if facts.api is None:
        return
    throttled = next((f for f in facts.api.failures if f.kind is FailureKind.THROTTLED), None)
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
    match None if facts.api is None else facts.api.identified.outcome:
        case Identified(server=found, source=source):
            if not is_another(facts, CLOUD):
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
