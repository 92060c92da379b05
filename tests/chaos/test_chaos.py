"""Some rounds of chaos in every run of the tests, and a judge that can say no."""

import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.chaos.api import FloatingIp, Received
from tests.chaos.faults import FAULTS, LASTING
from tests.chaos.names import Mood, reply
from tests.chaos.record import DEATH_GRACE_S, GRACE_S, Record
from tests.chaos.rooms import ADDRESSES, Room
from tests.chaos.rounds import Chaos, chaos, hold_down_s, most_spent
from tests.chaos.vrrp_faults import REAL, SCRIPTED
from tests.support.waiting import eventually

RUNS = ((11, False), (12, False), (13, True))
"""Seed, and whether keepalived is real."""
ROUNDS = 6


@pytest.fixture(scope="module", autouse=True)
def _rooms_are_possible() -> None:
    reason = Room.available()
    if reason is not None:
        pytest.skip(f"no network namespaces here: {reason}")


@pytest.mark.parametrize(("seed", "is_real"), RUNS)
def test_after_any_trouble_the_address_is_with_the_master(seed: int, *, is_real: bool) -> None:
    with chaos(seed, is_real=is_real) as pair:
        rounds = [pair.round(number) for number in range(1, ROUNDS + 1)]
        logs = "\n".join(f"--- {node.name}\n{node.log_tail()}" for node in pair.nodes)
    wrong = [(one.faults, one.lasting, one.complaints) for one in rounds if one.complaints]
    assert [] == wrong, logs


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Chaos]:
    """A pair that runs no daemon: only the judge is asked."""
    made = Chaos(tmp_path, 1, is_real=False, addresses=1)
    made.elect(made.nodes[0])
    yield made
    made.close()


def late(pair: Chaos) -> None:
    pair.elect(pair.nodes[1])
    end_s = pair.nodes[0].record.last_end_s()
    pair.api.received.append(Received(end_s + 1.5, "a", "POST", "", pair.nodes[0].server))


def never_master(pair: Chaos) -> None:
    begin_s = pair.nodes[0].record.last_begin_s()
    pair.api.received.append(Received(begin_s, "b", "POST", "", pair.nodes[1].server))


def for_another(pair: Chaos) -> None:
    begin_s = pair.nodes[0].record.last_begin_s()
    pair.api.received.append(Received(begin_s, "a", "POST", "", pair.nodes[1].server))


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (late, "a assigned 1.50 s after its time as MASTER"),
        (never_master, "b assigned"),
        (for_another, "a assigned to server 102, which is another one"),
    ],
)
def test_the_judge_sees_an_assign_that_must_not_be(
    pair: Chaos, spoil: Callable[[Chaos], None], complaint: str
) -> None:
    for node in pair.nodes:
        node.start()
    spoil(pair)
    found = list(pair.complaints(0, 1.0, 15.0, 5, 20.0))
    assert 1 == len(found)
    assert found[0].startswith(complaint)


def test_the_judge_sees_what_is_late_too_much_or_dead(pair: Chaos) -> None:
    for node in pair.nodes:
        node.start()
        node.signal(signal.SIGKILL)
    eventually(lambda: all(node.exit_code is not None for node in pair.nodes))
    assert [
        "not right 15 s after healing: a MASTER, b BACKUP, ip1 at None",
        "1000 calls of one node",
        "the daemon of a has ended with -9",
        "the daemon of b has ended with -9",
    ] == list(pair.complaints(0, None, 15.0, 1000, 20.0))


def test_a_long_round_may_have_more_calls(pair: Chaos) -> None:
    for node in pair.nodes:
        node.start()
    assert ["131 calls of one node"] == list(pair.complaints(0, 1.0, 15.0, 131, 50.0))
    assert [] == list(pair.complaints(0, 1.0, 15.0, 130, 50.0))


def calls_of(node: str, *at_s: float) -> list[Received]:
    return [Received(each, node, "GET", "", None) for each in at_s]


def test_the_judge_counts_what_each_daemon_spends() -> None:
    made = [*calls_of("a", 1.0, 1.0, 1.0), *calls_of("b", 1.0), *calls_of("a", 4.6, 4.6)]
    assert pytest.approx(4.0) == most_spent(made, "a", [0.0])  # one call has flown in
    assert 1.0 == most_spent(made, "b", [0.0])
    assert 3.0 == most_spent(made, "a", [0.0, 2.0, 3.0])  # another daemon made the last two


def test_the_judge_sees_a_budget_that_is_passed(pair: Chaos) -> None:
    for node in pair.nodes:
        node.start()
    pair.api.received += calls_of("b", *[1.0] * 803)
    assert ["the daemon of b was 3 calls over its budget"] == list(
        pair.complaints(0, 1.0, 15.0, 5, 20.0)
    )


def test_a_hold_down_lasts_as_long_as_the_docs_say() -> None:
    assert [0, 0, 0, 43, 86, 172, 344, 900, 900] == [hold_down_s(moves) for moves in range(9)]


def test_a_holder_is_known_for_each_time() -> None:
    ip = FloatingIp(1, "web", "203.0.113.1", [(1.0, None), (2.0, 101), (3.0, 102)])
    assert [None, None, 101, 102] == [ip.holder(at_s) for at_s in (0.5, 1.5, 2.5, 9.0)]
    assert 102 == ip.holder()


def test_a_death_is_noticed_later_than_a_line() -> None:
    heard = Record()
    heard.take("MASTER", 10.0, 9.9)
    heard.take("MASTER", 11.0)
    heard.take("BACKUP", 20.0)
    heard.take("MASTER", 30.0)
    heard.gone(40.0)
    allowed = (9.9, 20.0 + GRACE_S, 30.0, 40.0 + DEATH_GRACE_S)
    assert all(heard.allows(at_s) for at_s in allowed)
    assert not any(heard.allows(at_s) for at_s in (9.8, 20.1 + GRACE_S, 29.9, 40.1 + DEATH_GRACE_S))
    assert not heard.is_master


QUESTION = b"\xab\xcd\1\0\0\1\0\0\0\0\0\0\3api\4test\0\0\1\0\1"


def test_a_nameserver_answers_with_the_addresses_of_the_family_that_is_asked_for() -> None:
    told = reply(QUESTION, ADDRESSES)
    assert b"\xab\xcd\x81\x80\0\1\0\2" == told[:8]
    assert told.endswith(socket.inet_aton(ADDRESSES[1]))
    six = reply(QUESTION.replace(b"\0\0\1\0\1", b"\0\0\x1c\0\1"), ADDRESSES)
    assert six.endswith(socket.inet_pton(socket.AF_INET6, ADDRESSES[2]))
    assert b"\x81\x83\0\1\0\0" == reply(QUESTION, (), code=3)[2:8]


def test_a_node_asks_its_nameservers_one_after_the_other(pair: Chaos) -> None:
    node = pair.nodes[0]
    node.resolver.set_moods(Mood.FAILING, Mood.WELL)
    told = node.room.look_up("api.hetzner.test")
    assert sorted(ADDRESSES) == told
    node.resolver.set_moods(Mood.NO_SUCH_NAME, Mood.WELL)
    assert [] == node.room.look_up("api.hetzner.test")
    node.resolver.close()
    assert [] == node.room.look_up("api.hetzner.test")
    node.resolver.heal()
    assert sorted(ADDRESSES) == node.room.look_up("api.hetzner.test")


def test_each_fault_has_a_name() -> None:
    assert len(FAULTS) >= 37
    assert len(SCRIPTED) >= 3
    assert len(REAL) >= 13
    assert {each.__name__ for each in LASTING} <= set(FAULTS)
