"""A split brain that ends without a word to the better node: told apart, counted, and cured."""

import pytest

from hakeeper.demo.lab import is_event
from tests.soak import Kind, Planned, RoundPlan, SoakSettings, Violation
from tests.soak import run as soak_run
from tests.soak.conftest import Bench, MakeBench
from tests.soak.run import Tally


def silent_end_of_a_split(lasts_s: float = 9.0) -> RoundPlan:
    """The backup is cut off until the address is contested, and dies before it is heard again."""

    def at_backup(kind: Kind, begins_s: float, until_s: float) -> Planned:
        lasts = until_s - begins_s
        return Planned(kind=kind, rank=1, begins_s=begins_s, lasts_s=lasts, chance=0.0)

    cut = at_backup(Kind.CUT, 0.0, lasts_s)
    death = at_backup(Kind.KILL_ALL, lasts_s - 1.0, lasts_s + 0.5)
    return RoundPlan(1, (cut, death))


ROUNDS = 5
"""The better node holds down in almost every round. In the rest, the lesser one did."""


class _SeenError(Exception):
    """The soak need not go on."""


def _end_once_seen(_bench: Bench, tally: Tally) -> None:
    if tally.left_contested:
        raise _SeenError


def test_a_master_that_holds_down_untold_is_counted_and_a_new_term_cures_it(
    make_bench: MakeBench,
) -> None:
    bench = make_bench(SoakSettings(seed=1), (silent_end_of_a_split(),) * ROUNDS, _end_once_seen)
    with pytest.raises(_SeenError):
        bench.soak.run()
    contested = [entry for node in bench.lab.nodes for entry in node.hakeeper.entries()]
    assert any(map(is_event("address.held_down"), contested)), "there was no contest at all"
    assert bench.soak.tally.left_contested == [bench.soak.tally.rounds]


def test_any_other_reason_is_a_violation(
    make_bench: MakeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(soak_run, "left_contested", lambda _lab: False)
    settings = SoakSettings(seed=1, give_up_s=3.0)
    bench = make_bench(settings, (silent_end_of_a_split(),) * ROUNDS)
    with pytest.raises(Violation, match="not settled 3 s after all was healed"):
        bench.soak.run()
