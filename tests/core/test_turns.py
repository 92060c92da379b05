"""What the core makes of a change of role, of another keepalived and of a reload, in detail."""

from hakeeper.core.calls import FailureKind, Identify, Mutate, ReadAll, ReadOne
from hakeeper.core.events import CancelCall, Effect, SettingsChanged, StartCall
from hakeeper.core.last_decision import LeftAlone, WillRead
from hakeeper.core.model import SavedState, Settings
from tests.core.driver import WEB, Node, World, entries, one_node, settings
from tests.core.faults import failure
from tests.core.test_told import OTHER_PROCESS
from tests.support.resources import CLOUD, IDENTIFY, LIST, assign, read

MAIL = 4712
BOTH = settings({"VI_1": ("web", "mail")})
PRIVATE = settings(vrrp_addresses={"VI_1": ("10.0.0.2",)})


def scene(config: Settings | None = None) -> tuple[World, Node]:
    world, node = one_node(config=config)
    world.cloud.add_ip(MAIL, "mail", "203.0.113.11/32", 2)
    return world, node


def requests(effects: tuple[Effect, ...]) -> list[object]:
    return [effect.request for effect in effects if isinstance(effect, StartCall)]


def cancelled(effects: tuple[Effect, ...]) -> list[int]:
    return [effect.call_id for effect in effects if isinstance(effect, CancelCall)]


# --- roles -------------------------------------------------------------------------------------


def test_a_claim_that_a_demotion_ends_says_by_which_word() -> None:
    world, node = scene()
    node.warm()
    world.run_for(30.0)
    node.holding = (Mutate,)
    node.line("VI_1", "MASTER")
    node.line("VI_1", "FAULT")
    [abandoned] = node.reports("claim.abandoned")
    reason = abandoned.fields["reason"]
    assert str(reason).startswith("the role is FAULT: keepalived is in fault")


def test_a_word_of_the_backlog_reads_before_it_claims() -> None:
    world, node = scene()
    node.warm()
    world.run_for(30.0)
    assert [read(WEB)] == requests(node.lines(("VI_1", "MASTER"), live=False))


def test_a_master_that_cannot_hear_is_left_alone_and_says_why() -> None:
    world, node = scene(PRIVATE)
    node.private = ()
    node.warm()
    world.run_for(30.0)
    node.line("VI_1", "MASTER")
    [address] = node.snapshot().roles[0].addresses
    why = "keepalived is isolated: 10.0.0.2 is not on this machine"
    assert LeftAlone(why) == address.decision


# --- another keepalived ------------------------------------------------------------------------


def test_the_first_keepalived_that_is_seen_takes_nobodys_place() -> None:
    _, node = scene()
    node.start(keepalived=None)
    assert ["keepalived.seen"] == [entry.event for entry in entries(node.seen())]


def test_a_keepalived_that_takes_a_place_leaves_a_backup_what_it_is() -> None:
    _, node = scene()
    node.warm()
    node.seen(OTHER_PROCESS)
    assert "BACKUP" == node.role()


# --- reloads -----------------------------------------------------------------------------------


def test_a_reload_cancels_the_assigns_of_what_it_takes_away_and_no_others() -> None:
    world, node = scene(BOTH)
    node.warm()
    world.run_for(30.0)
    node.holding = (Mutate,)
    node.line("VI_1", "MASTER")
    [mail] = [c.id for c in node.open_calls(Mutate) if c.request == assign(MAIL, 1)]
    assert [mail] == cancelled(node.feed(SettingsChanged(settings())))


def test_an_address_that_a_reload_adds_to_a_master_is_read_first() -> None:
    world, node = scene()
    node.warm()
    node.line("VI_1", "MASTER")
    world.run_for(60.0)
    node.holding = (ReadAll,)
    node.feed(SettingsChanged(BOTH))
    assert "reading the holder" == node.stage(1)
    decision = node.snapshot().roles[0].addresses[1].decision
    assert WillRead("added by a reload") == decision


def test_a_reload_right_after_the_boot_lists_at_once_as_well() -> None:
    world, node = scene()
    world.now = 1.0
    node.warm()
    world.run_for(2.0)
    effects = node.feed(SettingsChanged(node.config))
    assert [LIST] == requests(effects)


def test_another_api_is_asked_who_we_are_without_what_the_old_one_said() -> None:
    world, node = scene()
    node.start(SavedState(keepalived=None, roles={}, servers={CLOUD: 77}))
    world.run_for(30.0)
    effects = node.feed(SettingsChanged(node.config, apis_changed=(CLOUD,)))
    assert IDENTIFY in requests(effects)


def test_another_api_is_asked_at_once_however_long_the_old_one_had_to_wait() -> None:
    world, node = scene()
    world.cloud.fail(failure(FailureKind.AUTH), Identify)
    node.start()
    world.run_for(1.0)
    assert [] == node.open_calls(Identify)
    effects = node.feed(SettingsChanged(node.config, apis_changed=(CLOUD,)))
    assert IDENTIFY in requests(effects)


def test_for_another_api_each_call_is_cancelled_once_and_what_was_told_stays_told() -> None:
    world, node = scene(BOTH)
    node.private = ()
    node.warm()
    world.run_for(30.0)
    node.holding = (Mutate, ReadAll, ReadOne)
    node.line("VI_1", "MASTER")
    under_way = sorted(call.id for call in node.open_calls())
    effects = node.feed(SettingsChanged(PRIVATE, apis_changed=(CLOUD,)))
    assert under_way == sorted(cancelled(effects))
    assert "vrrp_address.missing" in [entry.event for entry in entries(effects)]
