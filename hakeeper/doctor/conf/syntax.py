"""keepalived.conf as statements with their places, parsed by keyword as keepalived does.

A second block with the same name is ignored, as is a brace that belongs to nothing; `keywords` says
which keyword opens what block. All of this was compared with keepalived 2.2.7 on the same files.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from hakeeper.doctor.conf.keywords import NAMED, ROOT, Level
from hakeeper.doctor.conf.records import Ignored, Line, Unread
from hakeeper.doctor.conf.text import words_of
from hakeeper.doctor.finding import Place


@dataclass(frozen=True, slots=True)
class Statement:
    """A line of words, and the statements of its block, if it has one."""

    words: tuple[str, ...]
    place: Place
    block: tuple["Statement", ...] = ()
    text: str = ""
    """The line as written, without its comment."""

    @property
    def keyword(self) -> str:
        """The first word."""
        return self.words[0]

    @property
    def arguments(self) -> tuple[str, ...]:
        """The words after the first."""
        return self.words[1:]


@dataclass(frozen=True, slots=True)
class Syntax:
    """The top-level statements, what could not be parsed, and what keepalived ignores."""

    statements: tuple[Statement, ...]
    unread: tuple[Unread, ...]
    ignored: tuple[Ignored, ...] = ()


@dataclass(slots=True)
class _Open:
    """A block that is being read."""

    level: Level
    head: Statement | None
    inner: list[Statement] = field(default_factory=list)
    needs_brace: bool = True


def read_syntax(lines: Iterable[Line]) -> Syntax:
    """Build the tree; braces that do not match are noted in `unread`, and the rest is parsed."""
    builder = _Builder(lines)
    top = _Open(ROOT, None, needs_brace=False)
    builder.read_block(top)
    return Syntax(tuple(top.inner), builder.unread(), tuple(builder.ignored))


class _Builder:
    """Builds the tree line by line."""

    def __init__(self, lines: Iterable[Line]) -> None:
        self._open_braces: list[Place] = []
        self._pieces = self._words_of_all(lines)
        self._skip = 0
        """Depth within a block to skip; -1: its opening brace may follow."""
        self._unread: dict[Unread, None] = {}
        self.ignored: list[Ignored] = []

    def unread(self) -> tuple[Unread, ...]:
        """Return what was not understood, including blocks that are still open."""
        still_open = (
            Unread(place, "a block that is never closed: a `}` is missing")
            for place in self._open_braces
        )
        return (*self._unread, *still_open)

    def _leave(self, place: Place, what: str) -> None:
        self._unread[Unread(place, what)] = None

    def _words_of_all(self, lines: Iterable[Line]) -> Iterator[tuple[list[str], Line]]:
        for line in lines:
            words, is_open = words_of(line.text)
            if is_open:
                self._leave(line.place, "a double quote that is never closed")
            if line.text == "{":
                self._open_braces.append(line.place)
            elif line.text == "}" and self._open_braces:
                self._open_braces.pop()
            elif line.text == "}":
                self._leave(line.place, "a `}` that closes nothing")
            if words:
                yield words, line

    def read_block(self, block: _Open) -> None:
        """Read up to the end of the block; the end of a skipped block inside ends it, too."""
        is_root = block.head is None
        for words, line in self._pieces:
            first = words[0]
            if self._skip < 0:
                if first == "{":
                    self._skip = 1
                    block.needs_brace = False
                    continue
                self._skip = 0
            if self._skip:
                if self._is_skipped_to_the_end(words) and not is_root:
                    return
                continue
            if block.needs_brace:
                block.needs_brace = False
                if first == "{":
                    continue
                self._leave(line.place, "a block without a `{` at its beginning")
            elif first == "{":
                self._leave(
                    line.place,
                    "a `{` after a word that opens no block there: keepalived ignores the brace,"
                    " and the next `}` ends the surrounding block",
                )
                continue
            if first == "}" and not is_root:
                return
            self._read_statement(Statement(tuple(words), line.place, text=line.text), block)

    def _is_skipped_to_the_end(self, words: list[str]) -> bool:
        for word in words:
            if word == "{":
                self._skip += 1
            elif word == "}":
                self._skip -= 1
                if self._skip == 0:
                    return True
        return False

    def _read_statement(self, head: Statement, around: _Open) -> None:
        level, keyword = around.level, head.keyword
        if keyword in level.skipped:
            self._skip = -1
            around.inner.append(head)
        elif keyword in level.blocks or keyword in level.newer:
            if keyword in level.newer:
                self._leave(head.place, f"`{keyword}`, which keepalived knows from 2.4 on")
            is_left_out = self._is_left_out(head, around)
            opened = _Open(level.blocks.get(keyword, Level()), head)
            self.read_block(opened)
            if not is_left_out:
                around.inner.append(_with(head, opened.inner))
            elif opened.inner:
                self._add_to_last(head, opened.inner, around)
        elif keyword in level.values:
            if self._is_second_list(head, around):
                self._skip = -1
            else:
                around.inner.append(_with(head, self._values()))
        elif keyword != "}":
            around.inner.append(head)

    def _add_to_last(self, head: Statement, inner: list[Statement], around: _Open) -> None:
        """Move the lines of an ignored block without braces to where keepalived moves them."""
        what = f"an ignored `{head.keyword}` without a block: keepalived may crash on it"
        self._leave(head.place, what)
        for at in reversed(range(len(around.inner))):
            before = around.inner[at]
            if before.keyword == head.keyword:
                around.inner[at] = _with(before, [*before.block, *inner])
                return

    def _is_left_out(self, head: Statement, around: _Open) -> bool:
        """Skip a block that keepalived skips: one without a name, or with a name already used."""
        if head.keyword not in NAMED:
            return False
        if len(head.words) != 2:  # noqa: PLR2004  # the keyword and a name
            self._skip = -1
            self._ignore(
                head,
                f"`{head.text}` is ignored, with its block",
                f"keepalived needs exactly one name after {head.keyword}",
                f"{head.keyword} NAME {{ … }}",
            )
            return True
        same = (one for one in around.inner if one.words == head.words)
        first = next(same, None)
        if first is None:
            return False
        self._skip = -1
        if first.place != head.place:  # an include with a condition is read twice
            self._ignore(
                head,
                f"a second `{head.text}` is ignored, with its block",
                f"keepalived keeps the first one ({first.place})",
                f"{head.keyword} ANOTHER_NAME {{ … }}    # or remove it",
            )
        return True

    def _is_second_list(self, head: Statement, around: _Open) -> bool:
        """Say whether this is a second list of members; keepalived keeps the first only."""
        if head.keyword != "group":
            return False
        first = next((one for one in around.inner if one.keyword == "group" and one.block), None)
        if first is None:
            return False
        self._ignore(
            head,
            "a second `group` list is ignored",
            f"keepalived keeps the first one ({first.place})",
            "group { … }    # one list with all names",
        )
        return True

    def _ignore(self, head: Statement, what: str, why: str, cure: str) -> None:
        self.ignored.append(Ignored(head.place, what, why, cure))

    def _values(self) -> list[Statement]:
        """Read the lines of a block of plain values."""
        found: list[Statement] = []
        needs_brace = True
        for words, line in self._pieces:
            if needs_brace:
                needs_brace = False
                if words == ["{"]:
                    continue
                self._leave(line.place, "a block without a `{` at its beginning")
            if words == ["}"]:
                break
            if words != ["{"]:
                found.append(Statement(tuple(words), line.place, text=line.text))
        return found


def _with(head: Statement, inner: list[Statement]) -> Statement:
    return Statement(head.words, head.place, tuple(inner), head.text)
