"""The `hooks` of an instance: commands that are run after the fact."""

import enum
from dataclasses import dataclass
from typing import Final, TypeAlias

from hakeeper.config.nodes import Node, Sequence
from hakeeper.config.table import Value, key
from hakeeper.config.text import shown
from hakeeper.config.values import PATH, Refused, duration, is_nothing, text_of

Command: TypeAlias = tuple[str, ...]
"""A program, by its absolute path, and its arguments; no shell reads them."""

WORDS_LIMIT: Final = 32
WORD_LIMIT_BYTES: Final = 4095
_EXPECTED: Final = "the absolute path of a program, a list of it and its arguments, or null"


class Moment(enum.Enum):
    """When a command is run: the names of its keys, and of $HAKEEPER_EVENT."""

    MASTER = "on_master"
    """The role of the instance is MASTER now."""
    LOST_ROLE = "on_lost_role"
    """It was MASTER, and is not any more."""
    CLAIMED = "on_claimed"
    """An address was moved here, and a read has confirmed it."""
    CONTESTED = "on_contested"
    """Another server takes an address again and again, and keeps it for now."""
    FAILED = "on_failed"
    """A claim has failed for the first time; it goes on."""


def _command(node: Node) -> Command | None:
    """Return the words of a command; None for null."""
    if is_nothing(node):
        return None
    items = node.items if isinstance(node, Sequence) else (node,)
    if not items:
        raise Refused(f"lists nothing; expected {_EXPECTED}")
    if len(items) > WORDS_LIMIT:
        raise Refused(f"has {len(items)} words; at most {WORDS_LIMIT} are allowed")
    words = [text_of(each, _EXPECTED) for each in items]
    if len(items) == 1 and not isinstance(node, Sequence) and " " in words[0]:
        raise Refused(f"{shown(words[0])} has a space; with arguments it is a list: [/path, word]")
    for word in words[1:]:
        if not word.isprintable():
            raise Refused(f"{shown(word)} contains a control character; put such text in a file")
        if len(word.encode()) > WORD_LIMIT_BYTES:
            raise Refused(f"has a word of more than {WORD_LIMIT_BYTES} bytes; put it in a file")
    return str(PATH.read(items[0])), *words[1:]


def _written(command: Command | None) -> str:
    return "null" if command is None else f"[{', '.join(command)}]"


_COMMAND: Final = Value(_command, _EXPECTED, _written)
_LIMIT: Final = duration(1, 600, "others of the same instance wait for it")


@dataclass(frozen=True, slots=True, kw_only=True)
class HooksConfig:
    """The commands of one instance or group."""

    on_master: Command | None = key(
        "hooks.on_master",
        _COMMAND,
        None,
        "A command that is run when the role has become MASTER, also when hakeeper learns that"
        " after its own restart. It is run by a unit of its own, without a shell, and never before"
        " the claim: see docs/hooks.md.",
    )
    on_claimed: Command | None = key(
        "hooks.on_claimed",
        _COMMAND,
        None,
        "A command for each address that was moved to this server, when a read has confirmed it.",
    )
    on_lost_role: Command | None = key(
        "hooks.on_lost_role",
        _COMMAND,
        None,
        "A command that is run when the role was MASTER and has become another one.",
    )
    on_contested: Command | None = key(
        "hooks.on_contested",
        _COMMAND,
        None,
        "A command for each address that another server takes again and again, and keeps for now.",
    )
    on_failed: Command | None = key(
        "hooks.on_failed",
        _COMMAND,
        None,
        "A command for each address whose claim has failed for the first time. It is tried again.",
    )
    timeout_s: float = key(
        "hooks.timeout",
        _LIMIT,
        30.0,
        "How long such a command may take; then it is ended, with all that it has started.",
    )

    def command(self, moment: Moment) -> Command | None:
        """Return what is run at that moment; None for nothing."""
        return {
            Moment.MASTER: self.on_master,
            Moment.LOST_ROLE: self.on_lost_role,
            Moment.CLAIMED: self.on_claimed,
            Moment.CONTESTED: self.on_contested,
            Moment.FAILED: self.on_failed,
        }[moment]

    @property
    def commands(self) -> tuple[tuple[Moment, Command], ...]:
        """Return all that are set, with their moments."""
        given = ((moment, self.command(moment)) for moment in Moment)
        return tuple((moment, command) for moment, command in given if command is not None)
