"""Bugs that worlds have found, as the smallest stories that tell of them; kept for ever.

Each is planted again and told again: the story must end with the broken rule, and without the bug
the same world must be clean. The table in docs/dev/evidence.md is made from here.
"""

from dataclasses import dataclass

from hakeeper.core.model import Role
from hakeeper.core.roles.table import RoleEvent
from hakeeper.simulate.faults.kinds import Fault, Kind
from hakeeper.simulate.plan import Course, Plan, Shape
from tests.world.bug import Bug
from tests.world.planting import Line, Row

A, B = 0, 1
"""The two nodes; A has the higher priority."""


@dataclass(frozen=True, slots=True)
class Found:
    """One bug: when and where it was found, what it was, and the world that shows it."""

    date: str
    seed: str
    bug: Bug
    plan: Plan


def fault(
    kind: Kind, at_s: float, lasts_s: float, node: int | None, value: float = 0.9, serial: int = 0
) -> Fault:
    return Fault(kind, at_s, lasts_s, node, 0, value, serial)


def plan(*faults: Fault, seed: int = 1, **shape: object) -> Plan:
    return Plan(
        seed=seed,
        shape=Shape(**shape),  # type: ignore[arg-type]  # names of real fields
        course=Course.SWARM,
        chaos_s=120.0,
        faults=faults,
    )


FOUND = (
    Found(
        "2026-11-22",
        "42, first draft of the world",
        Bug(
            "replaced_is_gone",
            "hakeeper hung while keepalived was restarted: it heard the new one's lines, then"
            " noticed the old one's end, and forgot what the new one had said",
            "healthy",
            (Row(RoleEvent.REPLACED, Role.BACKUP, Role.UNKNOWN),),
        ),
        plan(
            fault(Kind.HANG, 30.0, 20.0, B, value=0.2, serial=0),
            fault(Kind.FAILOVER, 35.0, 1.0, B, serial=1),
        ),
    ),
    Found(
        "2026-11-22",
        "158, first draft of the world",
        Bug(
            "not_written_again",
            "a state that could not be written was never written again, so that the next start"
            " believed an old role",
            "written_at_last",
            (
                Line(
                    "hakeeper.core.core:Core._note",
                    "state.saved = None",
                    "pass",
                ),
            ),
        ),
        plan(
            fault(Kind.DISK_FULL, 2.5, 10.0, A, serial=0),
        ),
    ),
    Found(
        "2026-11-22",
        "3062, of the second draft",
        Bug(
            "restored_in_the_dark",
            "a role was restored from the state file although the FIFO, with newer lines in it,"
            " could not be opened",
            "sent_by_master",
            (
                Line(
                    "hakeeper.core.keepalived.listener:_fifo",
                    "if before is None and not is_open:",
                    "if False:",
                ),
            ),
        ),
        plan(
            fault(Kind.BACKLOG, 40.0, 10.0, A, value=0.9, serial=0),
            fault(Kind.NOT_A_FIFO, 49.5, 20.0, A, value=0.9, serial=1),
        ),
    ),
    Found(
        "2026-11-24",
        "401090",
        Bug(
            "replaced_meanwhile",
            "hakeeper hung while its FIFO was replaced: it acted upon the MASTER in the old one"
            " before it heard the BACKUP in the new one",
            "sent_by_master",
            (Line("hakeeper.sequencer:Sequencer.hear", "*self._fifo_news(), ", ""),),
        ),
        plan(
            fault(Kind.HANG, 75.0, 25.0, B, value=0.2, serial=0),
            fault(Kind.FAILOVER, 77.0, 12.0, A, serial=1),
            fault(Kind.FIFO_REPLACED, 85.0, 0.0, B, value=0.1, serial=2),
        ),
    ),
    Found(
        "2026-11-24",
        "1001046",
        Bug(
            "begun_on_the_way",
            "hakeeper hung with an assign that was due: the FIFO's replacement was heard first, and"
            " the assign went out before the lines that waited were heard",
            "sent_by_master",
            (
                Line(
                    "hakeeper.sequencer:Sequencer._act_on",
                    "self.feed(*found)",
                    "[self.feed(each) for each in found]",
                ),
            ),
        ),
        plan(
            fault(Kind.UNAUTHORIZED, 70.0, 20.0, B, serial=0),
            fault(Kind.FAILOVER, 72.0, 12.0, A, serial=1),
            fault(Kind.HANG, 76.0, 20.0, B, value=0.2, serial=2),
            fault(Kind.FIFO_REPLACED, 82.0, 0.0, B, value=0.1, serial=3),
        ),
    ),
)
