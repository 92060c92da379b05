"""What the core makes of a change of role, of another keepalived and of a reload, in detail."""

from hakeeper.core.calls import FailureKind, Identify, Mutate, ReadAll, ReadOne
from hakeeper.core.events import CancelCall, Effect, SettingsChanged, StartCall
from hakeeper.core.model import Settings
from tests.core.driver import WEB, Node, World, entries, one_node, settings
from tests.core.faults import failure
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


def test_a_word_of_the_backlog_reads_before_it_claims() -> None:
    world, node = scene()
    node.warm()
    world.run_for(30.0)
    assert [read(WEB)] == requests(node.lines(("VI_1", "MASTER"), live=False))


# --- another keepalived ------------------------------------------------------------------------


def test_the_first_keepalived_that_is_seen_takes_nobodys_place() -> None:
    _, node = scene()
    node.start(keepalived=None)
    assert ["keepalived.seen"] == [entry.event for entry in entries(node.seen())]


# --- reloads -----------------------------------------------------------------------------------


def test_a_reload_cancels_the_assigns_of_what_it_takes_away_and_no_others() -> None:
    world, node = scene(BOTH)
    node.warm()
    world.run_for(30.0)
    node.holding = (Mutate,)
    node.line("VI_1", "MASTER")
    [mail] = [c.id for c in node.open_calls(Mutate) if c.request == assign(MAIL, 1)]
    assert [mail] == cancelled(node.feed(SettingsChanged(settings())))


def test_a_reload_right_after_the_boot_lists_at_once_as_well() -> None:
    world, node = scene()
    world.now = 1.0
    node.warm()
    world.run_for(2.0)
    effects = node.feed(SettingsChanged(node.config))
    assert [LIST] == requests(effects)


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
