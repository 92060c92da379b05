"""The judge is awake: each kind of violation is planted once, and must be found.

What is planted is done here, by a sick hakeeper or by somebody else's hand, never in the product.
"""

import json
import sys
import threading
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from hakeeper.core.model import Role
from hakeeper.demo.lab import Keepalived, Node
from hakeeper.demo.lab import daemon as lab_daemon
from tests.soak import Kind, RoundPlan, SoakSettings, Violation
from tests.soak import run as soak_run
from tests.soak.conftest import Bench, MakeBench
from tests.soak.frames import one_fault
from tests.soak.run import Tally

SICK_HAKEEPER = Path(__file__).with_name("sick_hakeeper.py")
QUIET = tuple(one_fault(Kind.DAEMON_RELOAD, number=number) for number in range(1, 8))
"""Rounds in which nothing moves by itself."""


def settings(give_up_s: float = 30.0) -> SoakSettings:
    return SoakSettings(seed=1, give_up_s=give_up_s)


def found(bench: Bench) -> Violation:
    with pytest.raises(Violation) as caught:
        bench.soak.run()
    return caught.value


def fall_ill(monkeypatch: pytest.MonkeyPatch, illness: str, *, node: str = "") -> None:
    """Have every hakeeper of the lab run with an illness, or that of one node."""
    sick = (sys.executable, str(SICK_HAKEEPER), f"{illness}@{node}")
    monkeypatch.setattr(lab_daemon, "HAKEEPER", sick)


def assign_by_hand(bench: Bench, node: Node, server_id: int) -> None:
    """Assign with a node's own token, as a script of somebody would."""
    token = (node.folder / "token").read_text().strip()
    floating_ip = bench.lab.floating_ips["web"]
    request = urllib.request.Request(  # noqa: S310  # the simulator's own URL
        f"{bench.cloud.url}/floating_ips/{floating_ip}/actions/assign",
        data=json.dumps({"server": server_id}).encode(),
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
    )
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request) as answer:
        assert answer.status == 201


def test_a_hakeeper_that_does_not_hear_its_demotion_is_found(
    make_bench: MakeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    # On a busy machine b may be MASTER for a moment: it must hear that this has ended.
    fall_ill(monkeypatch, "isolated", node="a")
    # So busy a machine that a does not look while b is MASTER gets other rounds.
    rounds = tuple(one_fault(Kind.PRIORITY, lasts_s=6.0, number=number) for number in range(1, 6))
    violation = found(make_bench(settings(), rounds))
    assert "a assigned" in str(violation)
    assert "while not MASTER" in str(violation)
    for told in ("FAULT  a: reload with changed priority", "line   b: ", "assign a: to server"):
        assert told in violation.story


@pytest.mark.parametrize(
    ("illness", "complaint"),
    [
        ("dead", "ended unasked, with exit code 3"),
        ("stumbling", "printed what is no log entry: hakeeper: unexpected error"),
        ("leaking", "its open files grew from"),
    ],
)
def test_a_hakeeper_that_ends_stumbles_or_leaks_is_found(
    make_bench: MakeBench, monkeypatch: pytest.MonkeyPatch, illness: str, complaint: str
) -> None:
    fall_ill(monkeypatch, illness)
    monkeypatch.setattr(soak_run, "_WARM_UP_LOOKS", 1)
    assert complaint in str(found(make_bench(settings(), QUIET)))


def backup_takes_it(bench: Bench) -> None:
    assign_by_hand(bench, bench.lab.nodes[1], bench.lab.nodes[1].server_id)


def master_gives_it_away(bench: Bench) -> None:
    assign_by_hand(bench, bench.lab.nodes[0], bench.lab.nodes[1].server_id)


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [(backup_takes_it, "while not MASTER"), (master_gives_it_away, "which is not its own")],
)
def test_an_assign_by_somebody_else_at_a_wrong_time_is_found(
    make_bench: MakeBench, wrong: Callable[[Bench], None], complaint: str
) -> None:
    def once(bench: Bench, tally: Tally) -> None:
        if tally.rounds == 1:
            wrong(bench)

    assert complaint in str(found(make_bench(settings(), QUIET, once)))


def test_an_address_that_is_moved_away_again_and_again_never_settles(
    make_bench: MakeBench,
) -> None:
    enough = threading.Event()

    def steal(bench: Bench, tally: Tally) -> None:
        def go_on() -> None:
            while not enough.wait(0.05):
                bench.cloud.move(bench.lab.floating_ips["web"], bench.lab.nodes[1].server_id)

        if tally.rounds == 1:
            thieves.append(threading.Thread(target=go_on))
            thieves[0].start()

    thieves: list[threading.Thread] = []
    try:
        violation = found(make_bench(settings(give_up_s=3.0), QUIET, steal))
    finally:
        enough.set()
        for thief in thieves:
            thief.join()
    assert "not settled 3 s after all was healed" in str(violation)


def test_a_keepalived_that_says_otherwise_than_its_lines_is_found(
    make_bench: MakeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lie(_bench: Bench, _tally: Tally) -> None:
        monkeypatch.setattr(Keepalived, "states", lambda _self: {"VI_1": Role.BACKUP})

    violation = found(make_bench(settings(give_up_s=3.0), QUIET, lie))
    assert "recorded MASTER, keepalived says BACKUP" in str(violation)


def test_the_same_rounds_without_sabotage_are_clean(make_bench: MakeBench) -> None:
    rounds: tuple[RoundPlan, ...] = (one_fault(Kind.PRIORITY, lasts_s=3.0), *QUIET[:1])
    bench = make_bench(settings(), rounds)
    bench.soak.run()
    assert bench.soak.tally.rounds == 2
    assert bench.soak.tally.failovers == 1
