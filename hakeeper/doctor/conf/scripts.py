"""The commands in a keepalived.conf: notify scripts and tracked scripts."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from hakeeper.doctor.conf.records import Ignored
from hakeeper.doctor.conf.syntax import Statement
from hakeeper.doctor.conf.text import as_bytes, as_text, command_words
from hakeeper.doctor.finding import Place

NOTIFIES: Final = (
    "notify",
    "notify_master",
    "notify_backup",
    "notify_fault",
    "notify_stop",
    "notify_deleted",
    "notify_master_rx_lower_pri",
)
FIFO_SCRIPTS: Final = ("notify_fifo_script", "vrrp_notify_fifo_script")


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A command that keepalived runs, split into words as keepalived does."""

    keyword: str
    words: tuple[str, ...]
    place: Place
    user: str | None = None
    group: str | None = None

    @property
    def program(self) -> str:
        """The program that is run."""
        return self.words[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """One `vrrp_script`; keepalived ignores one without a command."""

    name: str
    place: Place
    command: Command | None = None
    weight: str | None = None
    """As written."""


@dataclass(frozen=True, slots=True)
class Tracked:
    """One line of a `track_script`."""

    name: str
    place: Place


def to_command(statement: Statement) -> Command | None:
    """Parse `KEYWORD COMMAND [USER [GROUP]]`; None: keepalived finds no command in it."""
    words = command_words(as_bytes(statement.text))
    if words is None or len(words) < 2:  # noqa: PLR2004  # the keyword and its command
        return None
    command = command_words(words[1])
    if not command:
        return None
    user, group, *_ = (*(as_text(word) for word in words[2:]), None, None)
    return Command(
        keyword=statement.keyword,
        words=tuple(map(as_text, command)),
        place=statement.place,
        user=user,
        group=group,
    )


def first_commands(
    statements: Iterable[Statement], keywords: tuple[str, ...], ignored: list[Ignored]
) -> tuple[Command, ...]:
    """Return the first command of each keyword, which keepalived keeps."""
    found: dict[str, Command] = {}
    for one in statements:
        if one.keyword not in keywords:
            continue
        kept = found.get(one.keyword)
        command = to_command(one)
        if kept is not None:
            if kept.place != one.place:
                ignored.append(_second(one, kept))
        elif command is not None:
            found[one.keyword] = command
        elif one.arguments:
            ignored.append(_unclear(one))
    return tuple(found.values())


def read_script(statement: Statement) -> Script:
    """Parse a `vrrp_script`; of several lines with the same keyword, the last one wins."""
    lines = {one.keyword: one for one in statement.block}
    script, user = lines.get("script"), lines.get("user")
    command = None if script is None else to_command(script)
    if command is not None:
        name, group, *_ = (*(user.arguments if user else ()), None, None)
        command = Command(
            keyword=command.keyword,
            words=command.words,
            place=command.place,
            user=name,
            group=group,
        )
    weight = lines.get("weight")
    return Script(
        name=statement.arguments[0],
        place=statement.place,
        command=command,
        weight=weight.arguments[0] if weight and weight.arguments else None,
    )


def scripts_and_tracked(
    statements: Iterable[Statement], ignored: list[Ignored]
) -> tuple[tuple[Script, ...], list[tuple[Tracked, ...]]]:
    """Return all scripts, and for each block the tracked ones that are defined above it."""
    scripts: dict[str, Script] = {}
    found: list[tuple[Tracked, ...]] = []
    late: list[Tracked] = []
    for one in statements:
        if one.keyword == "vrrp_script" and one.arguments:
            script = read_script(one)
            if script.command is not None:
                scripts.setdefault(script.name, script)
            else:
                ignored.append(_without_command(script))
        tracked = _tracked_by(one)
        late += [each for each in tracked if each.name not in scripts]
        found.append(tuple(each for each in tracked if each.name in scripts))
    ignored += [_too_early(each, scripts[each.name]) for each in late if each.name in scripts]
    return tuple(scripts.values()), found


def _tracked_by(statement: Statement) -> list[Tracked]:
    lists = (one for one in statement.block if one.keyword == "track_script")
    names = {line.keyword: Tracked(line.keyword, line.place) for one in lists for line in one.block}
    return list(names.values())


def _without_command(script: Script) -> Ignored:
    return Ignored(
        script.place,
        f"the vrrp_script {script.name} is ignored",
        "it has no command that keepalived understands",
        'script "/path/to/script argument"',
    )


def _second(one: Statement, kept: Command) -> Ignored:
    return Ignored(
        one.place,
        f"a second `{one.keyword}` is ignored",
        f"keepalived keeps the first one ({kept.place})",
        f"{one.keyword} COMMAND    # one line; a script that runs both",
    )


def _unclear(one: Statement) -> Ignored:
    return Ignored(
        one.place,
        f"a `{one.keyword}` line is ignored",
        "it has an unclosed quote, or no command",
        f'{one.keyword} "/path/to/script argument"',
    )


def _too_early(tracked: Tracked, script: Script) -> Ignored:
    return Ignored(
        tracked.place,
        f"the track_script {tracked.name} is ignored",
        f"keepalived reads it before the vrrp_script ({script.place}), and does not know it yet",
        f"vrrp_script {tracked.name} {{ … }}    # above all blocks that track it",
    )
