"""Stories that chance makes up, told to both ports step by step: each step must end alike."""

from dataclasses import dataclass
from random import Random

import pytest

from hakeeper.core.calls import (
    ActionsRead,
    AllRead,
    Answer,
    CallResult,
    Failure,
    Identify,
    ReadActions,
    ReadServer,
    Request,
)
from hakeeper.core.observation import order_of
from hakeeper.simulate.faults.kinds import Kind
from tests.contracts.fake import FakePort
from tests.contracts.port import FIRST, ME, OTHER, SECOND, STRANGER, Port
from tests.contracts.real import RealPort, Tls
from tests.support.resources import CLOUD, LIST, assign, read

SEEDS = range(6)
STEPS = 50
IPS = range(1, 6)
SERVERS = (ME, OTHER, STRANGER)
AT_ONCE = (
    Kind.ERROR_5XX,
    Kind.GATEWAY,
    Kind.THROTTLED,
    Kind.REFUSED,
    Kind.OUTAGE,
    Kind.LOST_ANSWER,
    Kind.LOCKED,
    Kind.UNAUTHORIZED,
    Kind.READ_ONLY,
    Kind.MALFORMED,
    Kind.ACTION_ERROR,
    Kind.ACTION_ENDLESS,
    Kind.STALE_READ,
)
"""Faults that no call has to wait for."""
TWO_WAYS = (Kind.ERROR_5XX, Kind.GATEWAY, Kind.THROTTLED)
A_PAGE_AND_MORE = range(6, 57)


@dataclass(frozen=True, slots=True)
class Step:
    """What happens next: perhaps a change by others, then a fault, and calls in it."""

    moved: tuple[int, int | None] | None
    switched: tuple[int, str] | None
    kind: Kind | None
    value: float
    requests: tuple[Request, ...]


def _request(rng: Random) -> Request:
    floating_ip_id = rng.choice((*IPS, 77))
    actions = tuple(sorted(rng.sample(range(1, 40), rng.randint(1, 25))))
    return rng.choices(
        (
            assign(floating_ip_id, rng.choice((*SERVERS, 77))),
            read(floating_ip_id),
            LIST,
            ReadActions(CLOUD, actions),
            ReadServer(CLOUD, rng.choice((*SERVERS, 77))),
            Identify(CLOUD),
        ),
        (6, 2, 2, 2, 1, 1),
    )[0]


def _step(rng: Random) -> Step:
    chance = rng.random()
    kind = rng.choice(AT_ONCE) if rng.random() < 0.5 else None
    # A stale reading is to show how the story began, so the longer one.
    second = kind is Kind.STALE_READ or (kind in TWO_WAYS and rng.random() < 0.5)
    return Step(
        (rng.choice(IPS), rng.choice((*SERVERS, None))) if chance < 0.2 else None,
        (rng.choice(SERVERS), rng.choice(("running", "off"))) if chance > 0.9 else None,
        kind,
        SECOND if second else FIRST,
        tuple(_request(rng) for _ in range(rng.randint(1, 3))),
    )


def _prepare(port: Port, rng: Random) -> None:
    port.set_quota(60, rng.choice((10, 150, 1000)))
    port.rules(
        action_s=rng.choice((0.0, 0.0, 3600.0)),
        holder_at_accept=rng.random() < 0.5,
        lock_servers=rng.random() < 0.3,
    )
    others = A_PAGE_AND_MORE if rng.random() < 0.3 else ()
    for number in (*IPS, *others):
        port.add_ip(number, rng.choice((*SERVERS, None)))


def _take(port: Port, step: Step) -> list[object]:
    if step.moved is not None:
        port.move(*step.moved)
    if step.switched is not None:
        port.set_status(*step.switched)
    if step.kind is None:
        seen = [_plain(port.call(request)) for request in step.requests]
    else:
        with port.fault(step.kind, step.value):
            seen = [_plain(port.call(request)) for request in step.requests]
    return [seen, [port.holder(number) for number in IPS]]


def _plain(result: CallResult) -> tuple[object, ...]:
    """Leave out what may differ: times, texts for people, the order of a list."""
    outcome: Answer | Failure | tuple[object, ...] = result.outcome
    match result.outcome:
        case Failure() as failure:
            outcome = (failure.kind, failure.code, failure.http_status, failure.retry_after_s)
        case AllRead(_, reading):
            found = sorted(reading.found, key=lambda each: order_of(each.id.key))
            outcome = (*found, *reading.unreadable)
        case ActionsRead(actions):
            outcome = tuple((each.id, each.status, each.error_code) for each in actions)
    return outcome, result.sent_at_s is None, result.quota


def tell_both(seed: int, fake: Port, real: Port) -> None:
    for port in (fake, real):
        _prepare(port, Random(seed))  # noqa: S311
    rng = Random(-1 - seed)  # noqa: S311
    for number in range(STEPS):
        step = _step(rng)
        assert _take(real, step) == _take(fake, step), f"step {number}: {step}"
    for port in (fake, real):
        port.finish()


@pytest.mark.parametrize("seed", SEEDS)
def test_any_story_ends_alike_in_both_ports(seed: int, tls: Tls) -> None:
    fake, real = FakePort(), RealPort(tls)
    try:
        tell_both(seed, fake, real)
    finally:
        fake.close()
        real.close()
