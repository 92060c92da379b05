"""The role table, held against a second telling of it, and against real recordings."""

from pathlib import Path

import pytest

from hakeeper.core.model import Role, VrrpId, VrrpKind
from hakeeper.core.roles.book import RoleBook
from hakeeper.core.roles.lines import LineReader, LineState, NotifyLine
from hakeeper.core.roles.table import (
    EVENT_OF_ANSWER,
    EVENT_OF_LINE,
    EVENT_OF_RESTORED,
    TABLE,
    RoleEvent,
)
from tests.support.core_tables import role_table

CAPTURES = Path(__file__).parents[2] / "data" / "captures"

EXPECTED = """
event                    UNKNOWN  BACKUP   MASTER   FAULT    STOPPED
LINE_MASTER              MASTER   MASTER   MASTER*  MASTER   MASTER
LINE_BACKUP              BACKUP   BACKUP   BACKUP   BACKUP   BACKUP
LINE_FAULT               FAULT    FAULT    FAULT    FAULT    FAULT
LINE_STOP                STOPPED  STOPPED  STOPPED  STOPPED  STOPPED
LINE_DELETED             STOPPED  STOPPED  STOPPED  STOPPED  STOPPED
LINE_MASTER_RX_LOWER_PRI MASTER*  MASTER*  MASTER*  MASTER*  MASTER*
LINE_MASTER_PRIORITY     UNKNOWN  BACKUP   MASTER   FAULT    STOPPED
LINE_BACKUP_PRIORITY     UNKNOWN  BACKUP   MASTER   FAULT    STOPPED
ANSWER_MASTER            MASTER   MASTER   MASTER   MASTER   MASTER
ANSWER_BACKUP            BACKUP   BACKUP   BACKUP   BACKUP   BACKUP
ANSWER_FAULT             FAULT    FAULT    FAULT    FAULT    FAULT
ANSWER_STOPPED           STOPPED  STOPPED  STOPPED  STOPPED  STOPPED
RESTORED_MASTER          MASTER   MASTER   MASTER   MASTER   MASTER
RESTORED_BACKUP          BACKUP   BACKUP   BACKUP   BACKUP   BACKUP
RESTORED_FAULT           FAULT    FAULT    FAULT    FAULT    FAULT
RESTORED_STOPPED         STOPPED  STOPPED  STOPPED  STOPPED  STOPPED
GONE                     UNKNOWN  UNKNOWN  UNKNOWN  UNKNOWN  STOPPED
REPLACED                 UNKNOWN  BACKUP   UNKNOWN  FAULT    STOPPED
LOST                     UNKNOWN  UNKNOWN  UNKNOWN  UNKNOWN  UNKNOWN
"""
"""A star: look at the holder now."""


def expected_cells() -> dict[tuple[RoleEvent, Role], str]:
    head, *rows = [row.split() for row in EXPECTED.strip().splitlines()]
    return {
        (RoleEvent[row[0]], Role(role)): cell
        for row in rows
        for role, cell in zip(head[1:], row[1:], strict=True)
    }


def test_the_table_says_for_every_event_and_role_what_we_say_here() -> None:
    reported = {
        (event, role): TABLE[event][role].role.value + ("*" if TABLE[event][role].check else "")
        for event in RoleEvent
        for role in Role
    }
    assert expected_cells() == reported
    assert len(RoleEvent) * len(Role) == len(reported)


def test_every_step_has_its_reason() -> None:
    assert all(step.reason for row in TABLE.values() for step in row.values())


def test_every_word_answer_and_saved_role_has_its_event() -> None:
    assert set(LineState) == set(EVENT_OF_LINE)
    assert set(Role) - {Role.UNKNOWN} == set(EVENT_OF_ANSWER)
    assert set(Role) - {Role.UNKNOWN} == set(EVENT_OF_RESTORED)
    used = [*EVENT_OF_LINE.values(), *EVENT_OF_ANSWER.values(), *EVENT_OF_RESTORED.values()]
    assert {*used, RoleEvent.GONE, RoleEvent.REPLACED, RoleEvent.LOST} == set(RoleEvent)
    assert len(used) == len(set(used))


def test_the_table_prints_as_a_row_an_event_and_a_column_a_role() -> None:
    rows = role_table().splitlines()
    assert len(RoleEvent) + 2 == len(rows)
    assert {len(Role) + 3} == {row.count("|") for row in rows}
    assert (
        "| line MASTER | MASTER | MASTER | MASTER, look | MASTER | MASTER "
        "| keepalived became master; keepalived repeats that it is master |"
    ) in rows


# --- recordings of real keepalived processes -------------------------------------------------

M, S, B = Role.MASTER, Role.STOPPED, Role.BACKUP
STOPPED_ALONE = {"VI_1": S}
STOPPED_PAIR = {"VI_1": S, "VI_2": S}
STOPPED_GROUP = {"VI_1": S, "group G1": S}
STOPPED_TWO_IN_GROUP = {"VI 1": S, "VI_2": S, "group VG 1": S}

FINAL_ROLES: dict[str, dict[str, Role]] = {
    "basic-lifecycle.node-a": STOPPED_ALONE,
    "basic-lifecycle.node-b": STOPPED_ALONE,
    "basic.v2.3.3.node-a": STOPPED_ALONE,
    "basic.v2.3.3.node-b": STOPPED_ALONE,
    "basic.v2.4.3.node-a": STOPPED_ALONE,
    "basic.v2.4.3.node-b": STOPPED_ALONE,
    "graceful-stop-master.backup-node": STOPPED_ALONE,
    "graceful-stop-master.master-node": STOPPED_ALONE,
    "kill9-master.backup-node": STOPPED_ALONE,
    "kill9-master.master-node": STOPPED_ALONE,
    "linkdown-master.backup-node": STOPPED_ALONE,
    "linkdown-master.master-node": STOPPED_ALONE,
    "no-vip.node-a": STOPPED_ALONE,
    "nopreempt.node-a": STOPPED_ALONE,
    "nopreempt.node-b": STOPPED_ALONE,
    "preempt-delay.node-a": STOPPED_ALONE,
    # its recording ends while the higher node is master
    "preempt-delay.node-b": {"VI_1": B},
    "priority-changes.node-a": STOPPED_ALONE,
    "priority-floor.node-a": STOPPED_ALONE,
    "reload-broken-config-checked.node-a": STOPPED_ALONE,
    # keepalived ended without a word: only its end, which is no line, says that this is no master
    "reload-broken-config.node-a": {"VI_1": M},
    "reload-plain-alone": STOPPED_PAIR,
    "reload-write-states-alone": STOPPED_PAIR,
    "reload-write-states-syncgroup.node-a": STOPPED_GROUP,
    "reload-write-states-syncgroup.node-b": STOPPED_GROUP,
    "reload-write-states.node-a": STOPPED_ALONE,
    "reload-write-states.node-b": STOPPED_ALONE,
    "reload-write-states.v2.3.3.node-a": STOPPED_ALONE,
    "reload-write-states.v2.3.3.node-b": STOPPED_ALONE,
    "reload-write-states.v2.4.3.node-a": STOPPED_ALONE,
    "reload-write-states.v2.4.3.node-b": STOPPED_ALONE,
    "script-fault-master.backup-node": STOPPED_ALONE,
    "script-fault-master.master-node": STOPPED_ALONE,
    "script-weight-master.backup-node": STOPPED_ALONE,
    "script-weight-master.master-node": STOPPED_ALONE,
    "splitbrain-default.node-a": STOPPED_ALONE,
    "splitbrain-default.node-b": STOPPED_ALONE,
    "splitbrain-higher-prio-send-advert.node-a": STOPPED_ALONE,
    "splitbrain-higher-prio-send-advert.node-b": STOPPED_ALONE,
    "splitbrain-lower-prio-master.node-a": STOPPED_ALONE,
    "splitbrain-lower-prio-master.node-b": STOPPED_ALONE,
    "splitbrain-lower-prio-no-advert.node-a": STOPPED_ALONE,
    "splitbrain-lower-prio-no-advert.node-b": STOPPED_ALONE,
    "splitbrain-nopreempt.node-a": STOPPED_ALONE,
    "splitbrain-nopreempt.node-b": STOPPED_ALONE,
    "splitbrain-preempt-delay.node-a": STOPPED_ALONE,
    "splitbrain-preempt-delay.node-b": STOPPED_ALONE,
    "start-in-fault.node-a": STOPPED_ALONE,
    "start-owner-255.node-a": STOPPED_ALONE,
    "start-script-fault.node-a": STOPPED_ALONE,
    "start-state-master.node-a": STOPPED_ALONE,
    "syncgroup.node-a": STOPPED_TWO_IN_GROUP,
    "syncgroup.node-b": STOPPED_TWO_IN_GROUP,
    "unicast-src-missing-at-start.node-a": STOPPED_ALONE,
    "unicast-src-missing-at-start.node-b": STOPPED_ALONE,
    "unicast-src-missing-then-reload.node-a": STOPPED_ALONE,
    "unicast-src-no-track.v2.3.3.node-a": STOPPED_ALONE,
    "unicast-src-no-track.v2.3.3.node-b": STOPPED_ALONE,
    "unicast-src-no-track.v2.4.3.node-a": STOPPED_ALONE,
    "unicast-src-no-track.v2.4.3.node-b": STOPPED_ALONE,
    "unicast-src-removed-vip32.node-a": STOPPED_ALONE,
    "unicast-src-removed-vip32.node-b": STOPPED_ALONE,
    "unicast-src-removed.node-a": STOPPED_ALONE,
    "unicast-src-removed.node-b": STOPPED_ALONE,
    "unicast-src-track_src_ip.v2.3.3.node-a": STOPPED_ALONE,
    "unicast-src-track_src_ip.v2.3.3.node-b": STOPPED_ALONE,
    "unicast-src-track_src_ip.v2.4.3.node-a": STOPPED_ALONE,
    "unicast-src-track_src_ip.v2.4.3.node-b": STOPPED_ALONE,
    "vip-deleted-by-hand-no-track.node-a": STOPPED_ALONE,
    "vip-deleted-by-hand.node-a": STOPPED_ALONE,
}

BEFORE_THE_STOP: dict[str, dict[str, Role]] = {
    "basic-lifecycle.node-b": {"VI_1": M},
    "splitbrain-default.node-a": {"VI_1": M},
    "splitbrain-default.node-b": {"VI_1": M},
    "splitbrain-lower-prio-master.node-a": {"VI_1": B},
    "splitbrain-lower-prio-master.node-b": {"VI_1": M},
    "splitbrain-preempt-delay.node-a": {"VI_1": B},
    "script-weight-master.master-node": {"VI_1": M},
    "priority-floor.node-a": {"VI_1": M},
    "reload-plain-alone": {"VI_1": M, "VI_2": M},
    "reload-write-states-alone": {"VI_1": M, "VI_2": M},
    "syncgroup.node-a": {"VI 1": M, "VI_2": M, "group VG 1": M},
    "unicast-src-missing-at-start.node-a": {"VI_1": Role.FAULT},
    "unicast-src-removed-vip32.node-a": {"VI_1": M},
}
"""What the roles were before the first STOP line of the final stop."""


def recording(name: str) -> bytes:
    return (CAPTURES / f"{name}.fifo.txt").read_bytes()


def replay(data: bytes, size: int, names: dict[str, Role]) -> dict[str, Role]:
    book = RoleBook((vrrp_of(name) for name in names), now=0.0)
    reader = LineReader()
    for first in range(0, len(data), size):
        lines = reader.feed(data[first : first + size])
        assert all(isinstance(line, NotifyLine) for line in lines)
        book.hear((line for line in lines if isinstance(line, NotifyLine)), 1.0, live=True)
    return {str(vrrp): role for vrrp, role in book.roles().items()}


def vrrp_of(text: str) -> VrrpId:
    name = text.removeprefix("group ")
    return VrrpId(VrrpKind.INSTANCE if name == text else VrrpKind.GROUP, name)


def names_in(data: bytes) -> set[str]:
    lines = LineReader().feed(data)
    return {str(line.vrrp) for line in lines if isinstance(line, NotifyLine)}


def test_no_recording_is_forgotten_and_none_is_invented() -> None:
    there = {path.name.removesuffix(".fifo.txt") for path in CAPTURES.glob("*.fifo.txt")}
    assert there == set(FINAL_ROLES)
    assert set(BEFORE_THE_STOP) <= set(FINAL_ROLES)


@pytest.mark.parametrize("name", FINAL_ROLES)
def test_a_recording_ends_in_the_roles_stated_whatever_the_chunks(name: str) -> None:
    data, expected = recording(name), FINAL_ROLES[name]
    assert set(expected) == names_in(data)
    for size in (1, 2, 3, 7, 26, 27, 28, 64, len(data)):
        assert expected == replay(data, size, expected)


@pytest.mark.parametrize("name", BEFORE_THE_STOP)
def test_a_recording_leads_to_the_roles_stated_before_its_final_stop(name: str) -> None:
    lines = recording(name).splitlines(keepends=True)
    while b" STOP " in lines[-1]:
        lines.pop()
    expected = BEFORE_THE_STOP[name]
    assert expected == replay(b"".join(lines), 13, expected)
