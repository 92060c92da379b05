"""What each word of `hakeeper status` means, for `hakeeper status --legend` and docs/status.md.

The words themselves come from where the status takes them, so that a new one without a meaning is
found by the tests.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from hakeeper.adapters.cures import TROUBLES
from hakeeper.adapters.decision_texts import NOTHING_DECIDED, TEXTS
from hakeeper.adapters.status_words import (
    CONFIRMED,
    LAST_KNOWN,
    NOT_FOUND,
    NOT_KNOWN_NOW,
    ON_ANOTHER,
    ON_NOBODY,
    ON_US,
    PAUSED,
    STEPPED_DOWN,
    UNKNOWN,
    VERDICT_TEXTS,
)
from hakeeper.core.claim import last_decision as core
from hakeeper.core.model import FifoState, Role
from hakeeper.diagnosis.problems import Health
from hakeeper.diagnosis.snapshot import API_OK, FIFO_NOT_OPENED, NOT_ASKED

VERDICTS: Final[Mapping[Health, str]] = {one: VERDICT_TEXTS[one.name.lower()] for one in Health}
ROLES: Final[Mapping[Role, str]] = {
    Role.UNKNOWN: "no running keepalived has said its role: nothing is claimed",
    Role.BACKUP: "keepalived is standby: hakeeper only looks where the addresses are",
    Role.MASTER: "keepalived is master: hakeeper claims the addresses, and keeps them here",
    Role.FAULT: "an interface or a script failed, and keepalived cannot become master",
    Role.STOPPED: "keepalived was stopped in order, or the instance was removed from it",
}
HOLDERS: Final[Mapping[str, str]] = {
    ON_US: "Hetzner's API shows the address on this server",
    ON_ANOTHER.format("NAME (id ID)"): "the API shows it on that server",
    ON_NOBODY: "the API shows it on no server",
    UNKNOWN.format("unknown (WHY)"): "nobody can say where it is, for this reason",
    CONFIRMED: "this server is MASTER, and the API has shown the address here since it became so",
    NOT_KNOWN_NOW: "it was not read in this role, or not lately; what was last known follows",
    NOT_FOUND: "the API lists no address of this name; what was last known follows",
    LAST_KNOWN: "what was read before, and may have changed since",
}
STAGES: Final[Mapping[str, str]] = {
    "idle": "nothing is claimed: this server is not MASTER, or that does not count",
    "reading the holder": "the API is being asked where the address is",
    "about to assign": "the request that moves it here is to be sent",
    "assign sent": "the request is under way, without an answer yet",
    "action running": "Hetzner has accepted it, and is carrying it out",
    "held": "it is here; that is read again at each interval",
    "hold-down": "another server takes it again and again, and keeps it for now",
}
DECISIONS: Final[Mapping[type[core.LastDecision], str]] = {
    core.WillRead: "where it is must be known before anything is sent",
    core.WillAssign: "the request is due",
    core.AssignSent: "the request has gone out",
    core.ActionRuns: "Hetzner will report when it is done",
    core.WillReadBack: "a claim only ends when a reading shows the address here",
    core.OursAlready: "a reading showed the address here, and nothing was sent",
    core.Claimed: "it was moved here, and a reading shows it",
    core.NotShown: "Hetzner reported success, and readings show another server",
    core.Retrying: "the step failed with this code; hakeeper does not give up",
    core.StillHeldDown: "the hold-down goes on",
    core.TakenAgain: "two masters move it to and fro; this one waits for so long",
    core.LeftWhileHung: "a keepalived that hangs takes nothing from another server",
    core.LeftWhilePaused: "`hakeeper pause` holds the request back until the pause ends",
    core.LeftAlone: "this server has no reason to claim it",
    core.NotInProject: "no address of this name is known to the API",
}
PAUSE: Final[Mapping[str, str]] = {
    PAUSED: "nothing is moved to this server until then: see `hakeeper pause --help`",
}
STEP_DOWN: Final[Mapping[str, str]] = {
    STEPPED_DOWN: "its priority is lowered until then: see `hakeeper step-down --help`",
}
FIFO: Final[Mapping[str, str]] = {
    FIFO_NOT_OPENED: "hakeeper has just started",
    FifoState.OPEN.value: "hakeeper reads what keepalived writes",
    FifoState.MISSING.value: "there is none at its path",
    FifoState.NOT_A_FIFO.value: "something else is at its path",
    FifoState.DENIED.value: "hakeeper may not open it",
    FifoState.BUSY.value: "another process reads it",
    FifoState.FAILED.value: "the system refuses, for the reason that is shown",
}
APIS: Final[Mapping[str, str]] = {
    API_OK: "its last answer was usable",
    NOT_ASKED: "there was no answer yet",
    "CODE": "the failure that lasts, in the words of the API or of the network",
    "calls left": "of the quota of this hour, as the API counted it with its last answer",
    "next look": "when hakeeper next has something to do by itself",
}


@dataclass(frozen=True, slots=True)
class Section:
    """Words of one sort. `title` is a heading; `key` stands for it in JSON."""

    key: str
    title: str
    words: Mapping[str, str]


def sections() -> tuple[Section, ...]:
    """Return all words with their meanings, in the order in which the status shows them."""
    return (
        Section("verdicts", "Verdicts", {key.name: text for key, text in VERDICTS.items()}),
        Section(
            "problems",
            "Problems, by the codes that --json shows",
            {code: trouble.meaning for code, trouble in TROUBLES.items()},
        ),
        Section("roles", "Roles", {role.value: text for role, text in ROLES.items()}),
        Section("holders", "Where an address is", HOLDERS),
        Section("stages", "What hakeeper is doing with it", STAGES),
        Section("decisions", "Last decisions", dict(_decisions())),
        Section("pause", "Pause", PAUSE),
        Section("step_down", "Step-down", STEP_DOWN),
        Section("fifo", "FIFO", FIFO),
        Section("apis", "API", APIS),
    )


def _decisions() -> Iterator[tuple[str, str]]:
    yield NOTHING_DECIDED, "hakeeper has just started, or has just been given the address"
    for decision, text in DECISIONS.items():
        yield _with_names(TEXTS[decision]), text


def _with_names(template: str) -> str:
    """Return a template with the names of what it is filled with, in capital letters."""
    return re.sub(r"\{(?:0\.)?(\w+?)(?:_s)?(?::[^}]*)?\}", lambda found: found[1].upper(), template)


def as_markdown() -> str:
    """Return the tables for docs/status.md, but for the problems, which have one with cures."""
    lines: list[str] = []
    for section in sections():
        if section.key != "problems":
            lines += [f"**{section.title}**", "", "| word | meaning |", "|---|---|"]
            lines += [f"| {word} | {meaning} |" for word, meaning in section.words.items()]
            lines += [""]
    return "\n".join(lines)
