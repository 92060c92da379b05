"""What a soak is going to do follows from its seed alone."""

from itertools import islice

import pytest

from tests.soak import FAST, PLAIN, Kind, Profile, SoakSettings, plans
from tests.soak.faults import BEGIN


def first_rounds(settings: SoakSettings, count: int = 200) -> list[object]:
    return list(islice(plans(settings), count))


def test_the_same_seed_plans_the_same_rounds() -> None:
    settings = SoakSettings(seed=7, nodes=3)
    assert first_rounds(settings) == first_rounds(settings)


def test_another_seed_plans_other_rounds() -> None:
    assert first_rounds(SoakSettings(seed=7)) != first_rounds(SoakSettings(seed=8))


def test_every_kind_of_fault_is_drawn_and_can_be_done() -> None:
    drawn = {
        fault.kind
        for seed in range(10)
        for plan in islice(plans(SoakSettings(seed=seed)), 100)
        for fault in plan.faults
    }
    assert set(Kind) == drawn
    assert set(Kind) == set(BEGIN)


@pytest.mark.parametrize("profile", [FAST, PLAIN], ids=lambda profile: profile.name)
@pytest.mark.parametrize("nodes", [2, 3])
def test_a_round_has_one_to_three_faults_in_their_order_and_within_the_bounds(
    nodes: int, profile: Profile
) -> None:
    least_s, most_s = profile.lasts_s
    counts = set()
    for plan in islice(plans(SoakSettings(seed=1, nodes=nodes, profile=profile)), 300):
        counts.add(len(plan.faults))
        begins = [fault.begins_s for fault in plan.faults]
        assert sorted(begins) == begins
        assert 0.0 == begins[0], "no round begins with waiting"
        for fault in plan.faults:
            assert 0 <= fault.rank < nodes
            assert least_s <= fault.lasts_s <= most_s
            assert 0.0 <= fault.begins_s <= profile.spread_s
    assert {1, 2, 3} == counts


def test_the_first_fault_of_a_round_can_move_the_role_and_mostly_hits_the_master() -> None:
    rounds = list(islice(plans(SoakSettings(seed=1, nodes=3)), 300))
    firsts = [plan.faults[0] for plan in rounds]
    assert all(fault.kind.moves_vrrp for fault in firsts)
    assert sum(fault.rank == 0 for fault in firsts) > len(firsts) * 3 // 4


def test_the_command_repeats_the_soak() -> None:
    settings = SoakSettings(seed=12, nodes=3, profile=PLAIN, duration_s=1800.0, failovers=500)
    assert (
        "python -m tests.soak --seed 12 --nodes 3 --profile plain --hours 0.5 --failovers 500"
    ) == settings.command()
