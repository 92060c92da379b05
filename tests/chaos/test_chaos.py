"""Some rounds of chaos in every run of the tests, and a judge that can say no."""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from helpers import eventually

from chaos.api import FloatingIp, Received
from chaos.faults import FAULTS
from chaos.rounds import Chaos, chaos

SEEDS = (11, 12)
ROUNDS = 8


@pytest.mark.parametrize("seed", SEEDS)
def test_after_any_trouble_the_address_is_with_the_master(seed: int) -> None:
    with chaos(seed) as pair:
        rounds = [pair.round(number) for number in range(1, ROUNDS + 1)]
        logs = "\n".join(f"--- {node.name}\n{node.log_tail()}" for node in pair.nodes)
    assert [] == [(one.faults, one.complaints) for one in rounds if one.complaints], logs


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Chaos]:
    """A pair that runs no daemon: only the judge is asked."""
    made = Chaos(tmp_path, 1, addresses=1)
    made.make_master(made.nodes[0])
    yield made
    made.api.close()


def late(pair: Chaos) -> None:
    pair.make_master(pair.nodes[1])
    end_s = pair.nodes[0].spans[-1].end_s
    pair.api.received.append(Received(end_s + 1.5, "a", "POST", "", pair.nodes[0].server))


def never_master(pair: Chaos) -> None:
    begin_s = pair.nodes[0].spans[-1].begin_s
    pair.api.received.append(Received(begin_s, "b", "POST", "", pair.nodes[1].server))


def for_another(pair: Chaos) -> None:
    begin_s = pair.nodes[0].spans[-1].begin_s
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
    found = list(pair.complaints(0, 1.0, 15.0, 5))
    for node in pair.nodes:
        node.kill()
    assert 1 == len(found)
    assert found[0].startswith(complaint)


def test_the_judge_sees_what_is_late_too_much_or_dead(pair: Chaos) -> None:
    for node in pair.nodes:
        node.start()
        node.signal(signal.SIGKILL)
    eventually(lambda: all(node.exit_code is not None for node in pair.nodes))
    assert [
        "not right 15 s after healing",
        "1000 calls of one node",
        "the daemon of a has ended with -9",
        "the daemon of b has ended with -9",
    ] == list(pair.complaints(0, None, 15.0, 1000))


def test_a_holder_is_known_for_each_time() -> None:
    ip = FloatingIp(1, "web", "203.0.113.1", [(1.0, None), (2.0, 101), (3.0, 102)])
    assert [None, None, 101, 102] == [ip.holder(at_s) for at_s in (0.5, 1.5, 2.5, 9.0)]
    assert 102 == ip.holder()


def test_each_fault_has_a_name() -> None:
    assert len(FAULTS) >= 25
