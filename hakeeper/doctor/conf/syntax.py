"""keepalived.conf as statements with their places: comments, quotes, blocks.

The rules are those of keepalived.conf(5) and of 2.2.7 itself, which was tried: a comment begins
with `#` or `!` outside of double quotes, anywhere in a line; a brace ends a statement, also in the
middle of a line and without a space before it; the `{` of a block may stand on a line of its own.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from hakeeper.doctor.conf.lines import Line, Unread
from hakeeper.doctor.finding import Place


@dataclass(frozen=True, slots=True)
class Statement:
    """Some words, and the statements of the block behind them, if there is one."""

    words: tuple[str, ...]
    place: Place
    block: tuple["Statement", ...] = ()

    @property
    def keyword(self) -> str:
        """The first word."""
        return self.words[0]

    @property
    def arguments(self) -> tuple[str, ...]:
        """The words behind the first."""
        return self.words[1:]


@dataclass(slots=True)
class _Open:
    """A block that is being read."""

    words: tuple[str, ...]
    place: Place
    inner: list[Statement] = field(default_factory=list)

    def closed(self) -> Statement:
        return Statement(self.words, self.place, tuple(self.inner))


@dataclass(frozen=True, slots=True)
class Syntax:
    """The statements of the top level, and what could not be read."""

    statements: tuple[Statement, ...]
    unread: tuple[Unread, ...]


def read_syntax(lines: Iterable[Line]) -> Syntax:
    """Build the tree; braces that do not match are told, and the rest is read all the same."""
    top = _Open((), Place(""))
    stack = [top]
    unread: list[Unread] = []
    for line in lines:
        for piece in _pieces(line.text):
            match piece:
                case "{":
                    inner = stack[-1].inner
                    head = inner.pop() if inner else Statement((), line.place)
                    stack.append(_Open(head.words, head.place))
                case "}" if len(stack) == 1:
                    unread.append(Unread(line.place, "a `}` that closes nothing"))
                case "}":
                    done = stack.pop().closed()
                    stack[-1].inner.append(done)
                case list() as words:
                    stack[-1].inner.append(Statement(tuple(words), line.place))
    while len(stack) > 1:
        one = stack.pop()
        unread.append(Unread(one.place, "a block that is never closed: a `}` is missing"))
        stack[-1].inner.append(one.closed())
    return Syntax(tuple(s for s in top.inner if s.words), tuple(unread))


def _pieces(text: str) -> Iterator[str | list[str]]:
    """Cut a line into braces and the words between them."""
    words: list[str] = []
    for word, is_brace in _words(text):
        if not is_brace:
            words.append(word)
            continue
        if words:
            yield words
            words = []
        yield word
    if words:
        yield words


def _words(text: str) -> Iterator[tuple[str, bool]]:
    at = 0
    while at < len(text):
        character = text[at]
        if character.isspace():
            at += 1
        elif character in "{}":
            yield character, True
            at += 1
        elif character == '"':
            end = text.find('"', at + 1)
            end = len(text) if end < 0 else end
            yield text[at + 1 : end], False
            at = end + 1
        else:
            end = _end_of_word(text, at)
            yield text[at:end], False
            at = end


def _end_of_word(text: str, at: int) -> int:
    """Find the end of an unquoted word; the braces of `${NAME}` belong to it."""
    while at < len(text) and not text[at].isspace() and text[at] not in '{}"':
        if text.startswith("${", at):
            end = text.find("}", at)
            at = len(text) if end < 0 else end
        at += 1
    return at
