"""Robot, which failover IPs need: the login, which server this is, and what Robot grants."""

from collections.abc import Iterator
from typing import Final

from hakeeper.adapters.cures import api_cure, identity_cure, secret_cure
from hakeeper.core.apis.budget import Budget
from hakeeper.core.calls import AllRead, Failure, FailureKind, Identified
from hakeeper.core.observation import Observation
from hakeeper.doctor.checks.answers import answers, endpoint
from hakeeper.doctor.checks.identity import addresses_here, is_another
from hakeeper.doctor.facts import Facts
from hakeeper.doctor.finding import CheckResult, Finding, Passed, error
from hakeeper.kinds import FAILOVER_IPS
from hakeeper.kinds.apis import ROBOT

_NEEDED: Final = "Robot is told this server's main IP whenever a failover IP is to come here"


def robot(facts: Facts) -> Iterator[CheckResult]:
    """Check that Robot answers, if any resource needs it."""
    return answers(facts, ROBOT)


def login(facts: Facts) -> Iterator[CheckResult]:
    """Check that Robot accepts the login."""
    if facts.robot is None:
        return
    source = facts.config.login_source
    refused = next((one for one in facts.robot.failures if one.kind is FailureKind.AUTH), None)
    if refused is not None:
        yield _refused(facts, refused)
    elif any(isinstance(one.outcome, AllRead) for one in facts.robot.results):
        yield Passed(f"accepted ({source})")


def _refused(facts: Facts, failure: Failure) -> Finding:
    source, file = facts.config.login_source, facts.config.config.robot.secret_file
    cure = secret_cure("login.rejected", file)
    place = facts.config.key("robot.credentials_file") if file else None
    return error(
        f"Robot refuses the login ({source}): {failure.message} ({failure.code})",
        why="no failover IP can be moved; each check and each start is a try, and the third refused"
        " login in ten minutes blocks this server's address",
        cure=cure,
        place=place,
    )


def robot_server(facts: Facts) -> Iterator[CheckResult]:
    """Check which server this is at Robot, and that it is this machine."""
    if facts.robot is None:
        return
    place, cure = facts.config.key("robot.server"), identity_cure(ROBOT)
    match facts.robot.identified.outcome:
        case Failure(message=message):
            yield error(message, why=_NEEDED, cure=cure, place=place)
        case Identified(server=found, source=source) if is_another(facts, ROBOT):
            yield error(
                f"the main IP {' and '.join(map(str, found.keys))} (from: {source}) is not on this"
                f" machine, which has {addresses_here(facts)}",
                why="Robot would route the failover IPs to that server, which is not the MASTER",
                cure=cure,
                place=place,
            )
        case Identified(server=found, source=source):
            moving = _failover_ip_among(facts, found.keys)
            if moving is None:
                yield Passed(f"{' and '.join(map(str, found.keys))}, from: {source}")
                return
            yield error(
                f"{moving}, which is taken for this server's main IP (from: {source}), is a"
                " failover IP",
                why="it moves, so Robot knows no server by it, and refuses each switch",
                cure=cure,
                place=place,
            )
        case _:
            return


def _failover_ip_among(facts: Facts, keys: tuple[object, ...]) -> Observation | None:
    reading = facts.reading(FAILOVER_IPS.name)
    found = () if reading is None else reading.found
    return next((one for one in found if one.id.key in keys), None)


def robot_budget(facts: Facts) -> Iterator[CheckResult]:
    """Check that Robot still grants reads in this hour, and say what is used without need."""
    if facts.robot is None:
        return
    throttled = next((f for f in facts.robot.failures if f.kind is FailureKind.THROTTLED), None)
    if throttled is not None:
        yield error(
            f"the requests that Robot grants in an hour are used up ({throttled.code})",
            why="until it grants more, hakeeper cannot see where the failover IPs are",
            cure=api_cure(ROBOT, "api.throttled", endpoint(facts, ROBOT)),
        )
    elif facts.reading(FAILOVER_IPS.name) is not None:
        reads = Budget(limit_per_hour=ROBOT.limit_per_hour)
        an_hour = 3600 / reads.reading_gap_s(1)
        yield Passed(
            f"of {ROBOT.limit_per_hour} reads an hour each node takes {an_hour:.0f}, and a check 1"
        )
