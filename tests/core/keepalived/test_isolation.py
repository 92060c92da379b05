"""A private address that is missing makes keepalived isolated, and its MASTER worth nothing."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from hakeeper.core.calls import FailureKind, Mutate, MutationAccepted, ReadActions, ReadAll
from hakeeper.core.claim.last_decision import StillHeldDown
from hakeeper.core.events import CancelCall, SettingsChanged, StartCall, Started
from hakeeper.core.keepalived.isolation import TRUST_AFTER_S
from hakeeper.core.model import Action, ActionStatus, Role, SavedState, Settings
from hakeeper.diagnosis.find_keepalived_problems import BROKEN_AFTER_S
from hakeeper.diagnosis.problems import Health
from tests.core.claim.test_demotion import MOMENTS, in_flight
from tests.core.driver import PROCESS, WEB, Node, World, instance, one_node, settings
from tests.core.faults import READS, failure
from tests.core.shown import what_is
from tests.support.resources import CLOUD

OURS = "10.0.0.2"
OTHERS = "10.0.1.2"
CHECKED = settings(vrrp_addresses={"VI_1": (OURS,)})
TWO = settings({"VI_1": ("web",), "VI_2": ("mail",)}, vrrp_addresses={"VI_1": (OURS,)})


def scene(config: Settings = CHECKED, private: tuple[str, ...] = (OURS,)) -> tuple[World, Node]:
    """One node that has these private addresses when it starts; `web` is with server 2."""
    world, node = one_node(config=config)
    node.private = private
    return world, node


def master(config: Settings = CHECKED) -> tuple[World, Node]:
    world, node = scene(config)
    node.warm()
    node.line("VI_1", "MASTER")
    world.run_for(60.0)
    assert world.cloud.holder(WEB) == 1
    return world, node


def texts(node: Node) -> list[str]:
    return [what_is(problem) for problem in node.snapshot().problems if "fifo" not in problem.code]


# --- while it is missing -----------------------------------------------------------------------


@pytest.mark.parametrize("how", ["MASTER", "MASTER_RX_LOWER_PRI"])
def test_master_said_without_the_address_is_not_claimed(how: str) -> None:
    world, node = scene(private=())
    node.warm()
    world.run_for(30.0)
    node.line("VI_1", how)
    world.run_for(3600.0)
    assert [] == node.assigns
    assert world.cloud.holder(WEB) == 2
    assert node.role() == "MASTER"
    assert not node.snapshot().roles[0].role_confirmed


@pytest.mark.parametrize("moment", MOMENTS)
def test_no_assign_is_sent_once_the_address_is_missing_at_any_moment(
    moment: Callable[[World, Node], None],
) -> None:
    world, node = scene()
    moment(world, node)
    sent = len(node.assigns)
    node.have()
    for call in node.open_calls():
        node.release(call)
    world.cloud.heal()
    world.run_for(8000.0)
    assert sent == len(node.assigns)
    assert node.stage() == "idle"


def test_a_late_201_of_the_time_before_is_only_an_observation() -> None:
    world, node = scene()
    in_flight(world, node)
    [call] = node.open_calls(Mutate)
    node.have()
    effects = node.answer(call, MutationAccepted(Action(id=9, status=ActionStatus.RUNNING)))
    assert [] == [effect for effect in effects if isinstance(effect, StartCall)]
    world.run_for(120.0)
    assert [] == node.asked(ReadActions)
    assert node.stage() == "idle"


def test_nothing_is_released_and_reading_goes_on_at_the_pace_of_a_standby() -> None:
    world, node = master()
    node.have()
    begun_s = world.now
    world.run_for(600.0)
    assert world.cloud.holder(WEB) == 1
    assert 10 == len(node.asked(ReadAll, since_s=begun_s))


def test_what_another_takes_meanwhile_is_left_with_it() -> None:
    world, node = master()
    sent = len(node.assigns)
    node.have()
    world.cloud.move(WEB, 2)
    world.run_for(3600.0)
    assert sent == len(node.assigns)
    assert [] == node.reports("address.drifted")


def test_other_instances_go_on() -> None:
    world, node = scene(TWO, private=())
    world.cloud.add_ip(WEB + 1, "mail", "203.0.113.11/32", 2)
    node.start()
    node.lines(("VI_1", "BACKUP"), ("VI_2", "BACKUP"))
    world.run_for(30.0)
    node.lines(("VI_1", "MASTER"), ("VI_2", "MASTER"))
    world.run_for(30.0)
    assert (2, 1) == (world.cloud.holder(WEB), world.cloud.holder(WEB + 1))


def test_of_several_addresses_each_is_needed() -> None:
    world, node = scene(settings(vrrp_addresses={"VI_1": (OURS, OTHERS)}))
    node.warm()
    node.line("VI_1", "MASTER")
    world.run_for(30.0)
    assert [] == node.assigns
    node.have()
    node.have(OTHERS)
    assert [OTHERS, OTHERS, f"{OURS}, {OTHERS}", OURS] == [
        report.fields["vrrp_address"] for report in node.reports("vrrp_address.missing")
    ]
    assert [] == node.reports("vrrp_address.found")
    node.have(OURS, OTHERS)
    world.run_for(30.0)
    assert world.cloud.holder(WEB) == 1


# --- when it is back ---------------------------------------------------------------------------


def test_master_said_right_after_the_address_came_back_waits_for_a_better_one_too() -> None:
    world, node = scene(private=())
    node.warm()
    node.have(OURS)
    world.run_for(1.0)
    begun_s = world.now
    node.line("VI_1", "MASTER")
    [waiting] = texts(node)
    assert "its private address is back; giving a better master time to speak" in waiting
    world.run_while(lambda: world.cloud.holder(WEB) != 1, 5.0)
    assert [begun_s - 1.0 + TRUST_AFTER_S] == node.assigns


def test_an_address_that_is_lost_again_in_the_meantime_begins_anew() -> None:
    world, node = scene(private=())
    node.warm()
    node.line("VI_1", "MASTER")
    for _ in range(10):
        node.have(OURS)
        world.run_for(TRUST_AFTER_S - 0.1)
        node.have()
        world.run_for(1.0)
    assert [] == node.assigns
    node.have(OURS)
    world.run_for(TRUST_AFTER_S + 1.0)
    assert world.cloud.holder(WEB) == 1


def test_an_holder_that_went_on_being_us_is_confirmed_without_an_assign() -> None:
    world, node = master()
    sent = len(node.assigns)
    node.have()
    world.run_for(60.0)
    node.have(OURS)
    world.run_for(60.0)
    assert sent == len(node.assigns)
    assert node.stage() == "held"
    assert 1 == len(node.reports("address.confirmed"))


def test_an_assign_of_unknown_end_is_followed_by_a_read_when_the_address_is_back() -> None:
    world, node = scene()
    in_flight(world, node)
    [call] = node.open_calls(Mutate)
    node.have()
    node.answer(call, failure(FailureKind.OUTCOME_UNKNOWN))
    node.have(OURS)
    world.run_for(60.0)
    assert world.cloud.holder(WEB) == 1


# --- a contest is no nicer for a flapping address ------------------------------------------------


def contested() -> tuple[World, Node]:
    world, node = scene()
    node.warm()
    node.line("VI_1", "MASTER")
    for _ in range(2):
        world.run_while(lambda: node.stage() != "held", 15.0)
        world.cloud.move(WEB, 2)
        world.run_while(lambda: node.stage() == "held", 15.0)
    world.run_while(lambda: node.stage() != "hold-down", 15.0)
    return world, node


def flap(world: World, node: Node) -> None:
    node.have()
    world.run_for(1.0)
    node.have(OURS)
    world.run_for(TRUST_AFTER_S + 1.0)


def test_a_hold_down_goes_on_where_it_was() -> None:
    world, node = contested()
    begun_s, sent = world.now, len(node.assigns)
    for _ in range(5):
        flap(world, node)
        assert node.stage() == "hold-down"
    assert isinstance(node.snapshot().roles[0].addresses[0].decision, StillHeldDown)
    world.run_while(lambda: len(node.assigns) == sent, 60.0)
    assert 30.0 <= world.now - begun_s <= 43.0 + TRUST_AFTER_S + 2.0


def test_a_hold_down_that_ended_meanwhile_is_over() -> None:
    world, node = contested()
    sent = len(node.assigns)
    node.have()
    world.run_for(400.0)
    assert sent == len(node.assigns)
    node.have(OURS)
    world.run_while(lambda: len(node.assigns) == sent, TRUST_AFTER_S + 1.0)


def test_a_hold_down_ends_when_the_address_came_back_to_us_meanwhile() -> None:
    world, node = contested()
    node.have()
    world.cloud.move(WEB, 1)
    world.run_for(61.0)
    node.have(OURS)
    world.run_for(TRUST_AFTER_S + 1.0)
    assert node.stage() == "held"


def test_a_hold_down_of_an_older_term_is_forgotten() -> None:
    world, node = contested()
    node.have()
    node.line("VI_1", "BACKUP")
    node.line("VI_1", "MASTER")
    node.have(OURS)
    world.run_for(TRUST_AFTER_S + 1.0)
    assert node.stage() == "held"


def test_a_hold_down_that_a_hint_has_ended_does_not_come_back() -> None:
    world, node = contested()
    node.holding = (Mutate,)
    node.line("VI_1", "MASTER_RX_LOWER_PRI")
    world.run_for(5.0)
    [call] = node.open_calls(Mutate)
    node.have()
    node.cancel(call)
    node.holding = ()
    node.have(OURS)
    world.run_for(TRUST_AFTER_S + 1.0)
    assert node.stage() == "held"


def test_a_hold_down_that_ended_with_the_address_here_does_not_come_back() -> None:
    world, node = contested()
    world.cloud.move(WEB, 1)
    world.run_while(lambda: node.stage() != "held", 120.0)
    node.have()
    world.cloud.move(WEB, 2)
    world.run_for(61.0)
    node.have(OURS)
    world.run_for(TRUST_AFTER_S + 1.0)
    assert world.cloud.holder(WEB) == 1


# --- starts and reloads ------------------------------------------------------------------------

WAS_MASTER = SavedState(
    keepalived=PROCESS, roles={instance("VI_1"): Role.MASTER}, servers={CLOUD: 1}
)


def test_before_the_first_look_no_address_is_taken_for_there() -> None:
    world, node = scene()
    node.feed(Started(saved=WAS_MASTER, keepalived=PROCESS))
    world.run_for(60.0)
    assert node.role() == "MASTER"
    assert [] == node.assigns
    assert [] == node.reports("vrrp_address.missing")


def test_a_restart_with_the_address_here_waits_for_nothing_and_says_nothing() -> None:
    world, node = scene()
    begun_s = world.now
    node.start(WAS_MASTER)
    world.run_while(lambda: world.cloud.holder(WEB) != 1, 1.0)
    assert world.now - begun_s < 1.0
    assert [] == node.reports("vrrp_address.missing") + node.reports("vrrp_address.found")
    world.run_for(10.0)
    assert 1 == len(node.reports("address.claimed"))


def test_a_restart_without_the_address_says_so_once_and_claims_nothing() -> None:
    world, node = scene(private=())
    node.start(WAS_MASTER)
    world.run_for(600.0)
    assert [] == node.assigns
    assert ["MASTER"] == [r.fields["role"] for r in node.reports("vrrp_address.missing")]


def test_the_role_is_remembered_for_the_next_run_whatever_is_missing() -> None:
    _, node = master()
    node.have()
    assert node.saved is not None
    assert {instance("VI_1"): Role.MASTER} == node.saved.roles


def test_a_reload_that_names_a_missing_address_stops_the_claim() -> None:
    world, node = scene(settings())
    node.private = None
    in_flight(world, node)
    [call] = node.open_calls(Mutate)
    node.have()
    effects = node.feed(SettingsChanged(CHECKED))
    assert CancelCall(call.id) in effects
    assert 1 == len(node.reports("vrrp_address.missing"))


def test_a_reload_that_names_an_address_which_is_here_changes_nothing() -> None:
    world, node = scene(settings())
    node.private = None
    node.warm()
    node.line("VI_1", "MASTER")
    world.run_for(60.0)
    node.have(OURS)
    node.feed(SettingsChanged(CHECKED))
    assert node.stage() == "held"
    assert [] == node.reports("vrrp_address.missing")


def test_a_reload_that_no_longer_names_the_missing_address_ends_the_wait() -> None:
    world, node = scene(private=())
    node.warm()
    node.line("VI_1", "MASTER")
    world.run_for(60.0)
    node.feed(SettingsChanged(replace(CHECKED, vrrp_addresses={})))
    world.run_for(TRUST_AFTER_S + 2.0)
    assert world.cloud.holder(WEB) == 1
    assert 1 == len(node.reports("vrrp_address.found"))


BOTH = settings(
    {"VI_1": ("web",), "VI_2": ("mail",)}, vrrp_addresses={"VI_1": (OURS,), "VI_2": (OURS,)}
)


@pytest.mark.parametrize("left", ["VI_2", None])
def test_an_instance_that_a_reload_brings_back_waits_for_the_address_that_it_had_lost(
    left: str | None,
) -> None:
    world, node = scene(BOTH)
    world.cloud.add_ip(WEB + 1, "mail", "203.0.113.11/32", 2)
    node.warm()
    node.have()
    rest = settings(
        {} if left is None else {left: ("mail",)},
        vrrp_addresses={} if left is None else {left: (OURS,)},
    )
    node.feed(SettingsChanged(rest))
    world.run_for(60.0)
    node.have(OURS)
    world.run_for(1.0)
    node.feed(SettingsChanged(BOTH))
    waits_s = TRUST_AFTER_S if left is None else TRUST_AFTER_S - 1.0
    node.line("VI_1", "MASTER")
    world.run_for(waits_s - 0.1)
    assert [] == node.assigns
    world.run_for(5.0)
    assert world.cloud.holder(WEB) == 1


def test_an_instance_that_a_reload_adds_with_an_address_that_was_never_lost_waits_for_nothing() -> (
    None
):
    _, node = scene(TWO)
    node.warm()
    node.have(OURS)
    node.feed(SettingsChanged(BOTH))
    assert not any(role_state.isolated for role_state in node.core.state.roles.role_states.values())


def test_a_floating_ip_added_by_a_reload_is_not_claimed_by_a_isolated_master() -> None:
    world, node = scene(private=())
    world.cloud.add_ip(WEB + 1, "mail", "203.0.113.11/32", 2)
    node.warm()
    node.line("VI_1", "MASTER")
    more = settings({"VI_1": ("web", "mail")}, vrrp_addresses={"VI_1": (OURS,)})
    node.feed(SettingsChanged(more))
    world.run_for(600.0)
    assert [] == node.assigns
    node.have(OURS)
    world.run_for(TRUST_AFTER_S + 5.0)
    assert (1, 1) == (world.cloud.holder(WEB), world.cloud.holder(WEB + 1))


# --- what people see, and the guard ------------------------------------------------------------


def test_status_says_what_is_missing_and_is_broken_when_that_lasts() -> None:
    world, node = master()
    node.have()
    [role] = node.snapshot().roles
    assert ("MASTER", False, (OURS,)) == (role.role, role.role_confirmed, role.vrrp_missing)
    [problem] = texts(node)
    assert f"VI_1: nothing is claimed: vrrp_address {OURS} is not on this machine" == problem
    degraded = [problem.health for problem in node.snapshot().problems]
    assert Health.BROKEN not in degraded
    world.run_for(BROKEN_AFTER_S + 1.0)
    assert Health.BROKEN is node.snapshot().health


def test_isolation_lasts_since_the_first_address_was_missing() -> None:
    world, node = scene(settings(vrrp_addresses={"VI_1": (OURS, OTHERS)}), (OURS, OTHERS))
    node.warm()
    node.line("VI_1", "MASTER")
    world.run_for(60.0)
    node.have(OURS)
    world.run_for(BROKEN_AFTER_S - 1.0)
    node.have()
    world.run_for(2.0)
    assert Health.BROKEN is node.snapshot().health


def test_work_of_the_time_before_is_of_an_older_generation() -> None:
    _, node = master()
    before = node.snapshot().roles[0].generation
    node.have()
    assert before + 1 == node.snapshot().roles[0].generation


def test_the_last_decision_of_a_backup_is_not_changed_by_what_it_cannot_hear() -> None:
    world, node = master()
    node.line("VI_1", "BACKUP")
    decision = node.snapshot().roles[0].addresses[0].decision
    node.have()
    world.run_for(60.0)
    assert decision == node.snapshot().roles[0].addresses[0].decision


def test_the_read_that_comes_first_waits_for_no_earlier_failure() -> None:
    world, node = scene(private=())
    node.warm()
    node.line("VI_1", "MASTER")
    world.run_for(60.0)
    world.cloud.fail(failure(FailureKind.TRANSIENT), *READS)
    node.feed(SettingsChanged(CHECKED))
    for _ in range(20):  # at whatever moment of the pause between two tries
        world.run_for(1.7)
        node.have(OURS)
        world.run_for(TRUST_AFTER_S - 0.1)
        asked = len(node.asked(*READS))
        world.run_for(0.2)
        assert len(node.asked(*READS)) > asked
        node.have()
