"""Words that scripts, files and other programs know us by; and what is meant if nothing is said."""

import enum
from ipaddress import ip_network

import pytest

from hakeeper.core.calls import FailureKind, Mutate
from hakeeper.core.decisions.claims import Phases
from hakeeper.core.decisions.keepalived import RoleUnverified
from hakeeper.core.events import (
    Drained,
    FifoChanged,
    KeepalivedGone,
    LinesRead,
    Report,
    RolesQueried,
    SettingsChanged,
    StartCall,
)
from hakeeper.core.kind import Api
from hakeeper.core.model import (
    Action,
    ActionStatus,
    ApiSettings,
    FifoState,
    Role,
    SavedState,
    Server,
    Settings,
    VrrpId,
    VrrpKind,
)
from hakeeper.core.observation import BY_NETWORK, IpNetwork, Key, Observation, ResourceRef, order_of
from hakeeper.core.roles.lines import LineState, NotifyLine, parse_line
from hakeeper.core.roles.table import TABLE, RoleEvent, Step
from hakeeper.kinds.floating_ip import by_id, by_name, by_network, resource
from tests.core.driver import instance, one_node
from tests.core.faults import failure
from tests.support.core_tables import role_table
from tests.support.resources import IDENTIFY

WORDS: dict[type[enum.Enum], list[str]] = {
    Role: ["UNKNOWN", "BACKUP", "MASTER", "FAULT", "STOPPED"],
    VrrpKind: ["INSTANCE", "GROUP"],
    ActionStatus: ["running", "success", "error"],
    FifoState: [
        "open",
        "missing",
        "not a FIFO",
        "permission denied",
        "held by another reader",
        "cannot be opened",
    ],
    FailureKind: [
        "transient",
        "throttled",
        "locked",
        "already assigned",
        "auth",
        "not found",
        "refused",
        "outcome unknown",
        "cancelled",
    ],
    LineState: [
        "MASTER",
        "BACKUP",
        "FAULT",
        "STOP",
        "DELETED",
        "MASTER_RX_LOWER_PRI",
        "MASTER_PRIORITY",
        "BACKUP_PRIORITY",
    ],
}

REASONS = """
LINE_MASTER: keepalived became master; keepalived repeats that it is master
LINE_BACKUP: keepalived is backup
LINE_FAULT: keepalived is in fault, or the instance was removed
LINE_STOP: keepalived stops
LINE_DELETED: the instance was removed from keepalived
LINE_MASTER_RX_LOWER_PRI: a lower-priority master was heard; only a master writes this
LINE_MASTER_PRIORITY: a priority changed: a hint, no role
LINE_BACKUP_PRIORITY: a priority changed: a hint, no role
ANSWER_MASTER: keepalived answers that it is master
ANSWER_BACKUP: keepalived answers that it is backup
ANSWER_FAULT: keepalived answers that it is in fault
ANSWER_STOPPED: keepalived answers that it stopped
RESTORED_MASTER: the same keepalived had said master
RESTORED_BACKUP: the same keepalived had said backup
RESTORED_FAULT: the same keepalived had said fault
RESTORED_STOPPED: the same keepalived had stopped
GONE: the keepalived that said so is gone; keepalived had stopped in order
REPLACED: another keepalived has taken its place; the keepalived that said so is gone
LOST: newer lines may be lost
"""
EVENTS = [
    *[f"line {word}" for word in WORDS[LineState]],
    "D-Bus says Master",
    "D-Bus says Backup",
    "D-Bus says Fault",
    "D-Bus says Stop or Deleted",
    "remembered: MASTER",
    "remembered: BACKUP",
    "remembered: FAULT",
    "remembered: STOPPED",
]


@pytest.mark.parametrize("kind", WORDS)
def test_the_words_are_what_they_always_were(kind: type[enum.Enum]) -> None:
    assert WORDS[kind] == [member.value for member in kind]


def test_the_events_of_the_table_are_named_by_who_speaks() -> None:
    assert EVENTS == [event.value for event in RoleEvent][: len(EVENTS)]
    assert "keepalived is gone" == RoleEvent.GONE.value
    assert "another keepalived is there at once" == RoleEvent.REPLACED.value
    assert "lines may be lost" == RoleEvent.LOST.value


def test_every_step_of_the_table_says_why() -> None:
    reported = [
        f"{event.name}: " + "; ".join(dict.fromkeys(TABLE[event][role].reason for role in Role))
        for event in RoleEvent
    ]
    assert REASONS.split("\n")[1:-1] == reported


def test_the_printed_table_ends_with_its_last_row() -> None:
    assert role_table().endswith("| newer lines may be lost |\n")


# --- what is meant if nothing is said ----------------------------------------------------------


def test_lines_are_live_unless_they_are_called_a_backlog() -> None:
    world, node = one_node()
    node.warm()
    world.run_for(30.0)
    line = NotifyLine(instance("VI_1"), LineState.MASTER, 100)
    effects = node.feed(LinesRead((line,)))
    assert [Mutate] == [type(e.request) for e in effects if isinstance(e, StartCall)]
    assert LinesRead((line,), (), 0, live=True) == LinesRead((line,))


def test_what_is_not_said_of_an_event_is_the_harmless_thing() -> None:
    assert Drained((), (), 0, None, more=False) == Drained()
    assert FifoChanged(FifoState.OPEN, "x", reopened=False) == FifoChanged(FifoState.OPEN, "x")
    assert RolesQueried(1, None, "") == RolesQueried(1, None)
    assert KeepalivedGone("x", replaced=False) == KeepalivedGone("x")
    assert StartCall(1, IDENTIFY, 5.0, urgent=False) == StartCall(1, IDENTIFY, 5.0)
    assert Report(RoleUnverified(), 0) == Report(RoleUnverified())
    assert Step(Role.MASTER, "x", check=False) == Step(Role.MASTER, "x")
    wanted = Settings(resources={})
    assert SettingsChanged(wanted, apis_changed=()) == SettingsChanged(wanted)


def test_what_is_not_said_by_the_api_is_empty() -> None:
    plain = Observation(id=resource(1), label="x", server_id=None)
    assert (False, "", "", None) == (plain.blocked, plain.zone, plain.name, plain.network)
    assert "" == Server(id=1, name="x", status="running").zone
    running = Action(id=1, status=ActionStatus.RUNNING)
    assert ("", "") == (running.error_code, running.error_message)
    failed = failure(FailureKind.AUTH)
    assert (None, None, "") == (failed.http_status, failed.retry_after_s, failed.correlation_id)
    assert {} == SavedState(keepalived=None, roles={}).servers
    assert (None, None) == (Phases(line_s=1.0).sent_s, Phases(line_s=1.0).confirmed_s)


def test_the_settings_are_in_seconds_and_do_not_ask_keepalived_by_themselves() -> None:
    plain = Settings(resources={})
    assert (10.0, 60.0, False) == (plain.interval_s, plain.standby_interval_s, plain.can_query)
    assert (5.0, "") == (ApiSettings().call_timeout_s, ApiSettings().endpoint)


# --- names -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("thing", "text"),
    [
        (VrrpId(VrrpKind.INSTANCE, "VI_1"), "VI_1"),
        (VrrpId(VrrpKind.GROUP, "VG 1"), "group VG 1"),
        (by_name("web"), "web"),
        (by_id(4711), "4711"),
        (by_network(ip_network("203.0.113.1/32")), "203.0.113.1"),
        (by_network(ip_network("203.0.113.0/24")), "203.0.113.0/24"),
        (by_network(ip_network("2001:db8::/64")), "2001:db8::/64"),
        (by_network(ip_network("2001:db8::1/128")), "2001:db8::1"),
    ],
)
def test_things_are_called_as_people_call_them(thing: object, text: str) -> None:
    assert text == str(thing)


@pytest.mark.parametrize(
    ("thing", "network"),
    [
        (by_name("203.0.113.1"), None),
        (by_id(4711), None),
        (by_network(ip_network("203.0.113.1/32")), ip_network("203.0.113.1/32")),
        (by_network(ip_network("2001:db8::/64")), ip_network("2001:db8::/64")),
        (ResourceRef("vswitch_subnet", BY_NETWORK, "203.0.113.0/29"), ip_network("203.0.113.0/29")),
        (ResourceRef("a kind", BY_NETWORK, "203.0.113.9/29"), None),
        (ResourceRef("a kind", BY_NETWORK, "no network"), None),
    ],
)
def test_what_is_named_by_its_network_tells_it(
    thing: ResourceRef, network: IpNetwork | None
) -> None:
    assert network == thing.network


@pytest.mark.parametrize(
    ("keys", "ordered"),
    [((10, 9, 2), [2, 9, 10]), (("b", "a10", "a9"), ["a10", "a9", "b"])],
)
def test_numbers_are_in_the_order_of_their_size_and_texts_of_their_letters(
    keys: tuple[Key, ...], ordered: list[Key]
) -> None:
    assert ordered == sorted(keys, key=order_of)


def test_numbers_and_texts_can_be_in_one_order() -> None:
    mixed: list[Key] = [2, "a", 1]
    assert ["a", 1, 2] == sorted(mixed, key=order_of)


@pytest.mark.parametrize(("count", "pages"), [(0, 1), (1, 1), (20, 1), (21, 2), (40, 2), (41, 3)])
def test_a_list_has_as_many_pages_as_it_needs_and_one_at_least(count: int, pages: int) -> None:
    assert pages == Api(name="x", title="X", limit_per_hour=1, page_size=20).pages_of(count)


# --- lines -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "reason", "shown"),
    [
        (b"x" * 80, 'does not read INSTANCE|GROUP "name" STATE priority', "x" * 80),
        (b"x" * 81, 'does not read INSTANCE|GROUP "name" STATE priority', "x" * 80 + "…"),
        (b"\xff", "is not UTF-8", "\\xff"),
        (b"\x1b\xc2\xa0", 'does not read INSTANCE|GROUP "name" STATE priority', "\\x1b\\xa0"),
        (b'GROUP "a" DEAD 0', "has the unknown state DEAD", 'GROUP "a" DEAD 0'),
    ],
)
def test_a_bad_line_says_why_and_shows_its_beginning(raw: bytes, reason: str, shown: str) -> None:
    bad = parse_line(raw)
    assert (reason, shown) == (getattr(bad, "reason", ""), getattr(bad, "shown", ""))
