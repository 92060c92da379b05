"""The preprocessor of keepalived.conf: from its files to the effective lines, each with its place.

Includes, conditions (`@id`), parameters (`$NAME`), `~SEQ` and `~LST` are handled as in keepalived
2.2.7 to 2.4.3. keepalived reads its configuration twice: its parent reads the files and writes a
copy without comments and includes, and the VRRP process reads that copy. The differences of the
second pass (an include with a condition is read twice) are reproduced.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from hakeeper.doctor.conf.files import Files, Raw, SkippedFileError, cut, pieces_of
from hakeeper.doctor.conf.includes import is_include, pattern_of, quoted, skipped
from hakeeper.doctor.conf.parameters import Definition, Parameters
from hakeeper.doctor.conf.records import Ignored, Line, Unread
from hakeeper.doctor.conf.sequences import (
    LENGTH_LIMIT,
    Sequence,
    read_list,
    read_sequence,
    sequence_numbers,
)
from hakeeper.doctor.conf.text import BLANKS, as_bytes, as_text, split_at_brace
from hakeeper.doctor.conf.text import without_comment as cleaned
from hakeeper.doctor.conf.work_limit import WorkLimit
from hakeeper.doctor.finding import Place

DEPTH_LIMIT: Final = 16
"""How deep includes may nest."""
FILES_LIMIT: Final = 1000
"""How many files may be included; a file counts each time."""
LINE_LIMIT: Final = 50_000
"""How many lines there may be, including those that parameters and sequences generate."""
_SEQ_ROOM: Final = 64
_WILD: Final = "*?[{"


@dataclass(slots=True)
class _State:
    """The position within one of the two passes."""

    files: list[tuple[str, Iterator[Raw]]]
    copy: list[Raw] | None
    """The lines that the first pass writes for the second one; None: this is the second pass."""
    parameters: Parameters = field(init=False)
    raw: Raw = field(default_factory=lambda: Raw("", Place(""), ""))
    residue: str = ""
    sequences: list[Sequence] = field(default_factory=list)
    waiting: int = 0
    """How many of the sequences continue only after the lines of a parameter."""
    rest: list[str] = field(default_factory=list)
    """The remaining lines of a parameter, the next one last."""
    stack: list[tuple[list[str], int]] = field(default_factory=list)
    definition: Definition | None = None
    """The definition that the next line continues."""


@dataclass(slots=True)
class Reader:
    """Reads one configuration; `config_id` is `-i`'s, else the host name up to the first dot."""

    files: Files
    config_id: str
    _unread: dict[Unread, None] = field(default_factory=dict)
    _ignored: dict[Ignored, None] = field(default_factory=dict)
    _conditions: dict[Place, None] = field(default_factory=dict)
    _texts: dict[str, str] = field(default_factory=dict)
    _work: WorkLimit = field(default_factory=lambda: WorkLimit(Place("")))
    _count: int = 0
    _files: int = 0

    @property
    def unread(self) -> list[Unread]:
        """What has not been understood so far."""
        return list(self._unread)

    @property
    def ignored(self) -> list[Ignored]:
        """What keepalived ignores, so far."""
        return list(self._ignored)

    @property
    def conditions(self) -> list[Place]:
        """The places where the configuration depends on `config_id`."""
        return list(self._conditions)

    @property
    def read_files(self) -> list[str]:
        """The files that have been read."""
        return list(self._texts)

    def lines(self, path: str) -> Iterator[Line]:
        """Yield the effective lines; raises OSError if the main file cannot be read."""
        found = self.files.matching(path) if any(one in path for one in _WILD) else [path]
        if not found:
            raise FileNotFoundError(2, "No such file")
        copy: list[Raw] = []
        self._work.place = Place(path)
        opened = [(each, self._raw(each)) for each in reversed(found)]
        for _ in self._pass(opened, copy):
            pass
        self._count = self._files = 0
        self._work = WorkLimit(self._work.place)
        yield from self._pass([("", iter(copy))], None)

    # --- lines of files ------------------------------------------------------------------------

    def _raw(self, path: str) -> Iterator[Raw]:
        """Open a file and return its lines as keepalived splits them; raises OSError."""
        text = self._texts.get(path)
        if text is None:
            text = self._texts[path] = self.files.read(path)
        self._work.spend(len(text))
        return cut(text, path, self._note_unread)

    def _next_raw(self, state: _State) -> str | None:
        """Return the next non-empty line of the files; None: there is none."""
        while state.files:
            raw = next(state.files[-1][1], None)
            if raw is None:
                state.files.pop()
                continue
            self._work.place = raw.place
            self._work.spend()
            is_second = state.copy is None
            if is_second and self._is_mark(raw):
                continue
            state.raw = raw
            text, _ = cleaned(raw.text) if raw.text else ("", False)
            if not raw.text and state.definition is not None:
                state.definition.close()
                state.definition = None
            if not is_second:
                self._note(state, "" if is_include(text) else text, raw)
            if text:
                return text
        return None

    @staticmethod
    def _note(state: _State, text: str, raw: Raw) -> None:
        copy = state.copy
        if copy is not None and (text or (copy and copy[-1].text)):
            copy += [Raw(one, raw.place, raw.folder, is_copy=True) for one in pieces_of(text)]

    def _is_mark(self, raw: Raw) -> bool:
        """Say whether the second pass takes a line for one of the markers in the copy."""
        if raw.text[:1] not in ("#", "!") or not raw.text:
            return False
        if not raw.is_copy:
            self._leave(
                raw.place,
                "a comment in the first column of a file that is included by a condition or a"
                " parameter: it makes the VRRP process of keepalived 2.2.7 crash repeatedly",
            )
        return True

    # --- from lines to effective lines -----------------------------------------------------------

    def _pass(
        self, files: list[tuple[str, Iterator[Raw]]], copy: list[Raw] | None
    ) -> Iterator[Line]:
        state = _State(files, copy)
        state.parameters = Parameters(
            lambda: as_bytes(self.files.real(state.raw.folder)),
            as_bytes(self.config_id),
            self._work.spend,
        )
        while (text := self._next(state)) is not None:
            piece, state.residue = split_at_brace(text)
            if piece:
                yield Line(as_text(piece), state.raw.place)

    def _next(self, state: _State) -> str | None:
        """Return the next text that is not a definition, not an include, and not excluded."""
        while True:
            text = self._fetched(state)
            if text is None:
                return None
            if state.definition is not None:
                if not state.definition.add(text):
                    state.definition = None
                continue
            text = self._resolved(text, state) if text else ""
            if text and is_include(text):
                self._include(text, state)
            elif text:
                return text

    def _fetched(self, state: _State) -> str | None:
        if state.residue:
            self._work.spend(len(state.residue))
            text, state.residue = state.residue, ""
            return text
        whole = self._fetched_whole(state)
        if whole is not None:
            self._work.spend(len(whole))
            self._count += 1
        if self._count > LINE_LIMIT:
            raise OSError(f"{state.raw.place}: more than {LINE_LIMIT} lines")
        return whole

    def _fetched_whole(self, state: _State) -> str | None:
        if len(state.sequences) > state.waiting:
            sequence = state.sequences[-1]
            for name, value in next(sequence.values).items():
                state.parameters.set(name, value)
            sequence.length -= 1
            if sequence.length <= 0:
                state.sequences.pop()
            return sequence.text
        if state.rest:
            text = state.rest.pop()
            if not state.rest:
                state.rest, state.waiting = state.stack.pop() if state.stack else ([], 0)
            return text
        return self._next_raw(state)

    def _resolved(self, text: str, state: _State) -> str:
        """Apply conditions and parameters to a line; "": nothing is left of it."""
        while True:
            if text.startswith("@"):
                text = self._chosen(text, state.raw.place)
            if not text:
                return ""
            if (definition := state.parameters.defined_by(text)) is not None:
                state.definition = definition if definition.is_long else None
                return ""
            if text.startswith(("~SEQ", "~LST")):
                self._add_sequence(text, state)
                return ""
            if text.startswith("~"):
                return text
            text, is_final = self._substituted(text, state)
            if is_final:
                return text
            if text.startswith("@"):
                self._leave(state.raw.place, "a parameter that begins with `@`")
            elif "$" not in text:
                return text

    def _chosen(self, text: str, place: Place) -> str:
        """Apply the condition (`@id` or `@^id`) at the start of a line."""
        self._conditions[place] = None
        ends = [at for blank in BLANKS if (at := text.find(blank)) >= 0]
        if not ends:
            return ""
        is_negative = text.startswith("@^")
        wanted = text[2 if is_negative else 1 : min(ends)]
        if (wanted == as_bytes(self.config_id)) is is_negative:
            return ""
        return text[min(ends) :].lstrip(BLANKS)

    def _substituted(self, text: str, state: _State) -> tuple[str, bool]:
        """Replace parameters; True: the result is final."""
        done = state.parameters.substitute(text)
        if done.is_random:
            self._leave(state.raw.place, "`${_RANDOM}`, which is different at each start")
        if done.is_cut:
            # keepalived uses a part of it, or hangs.
            self._leave(state.raw.place, "parameters that contain each other, or are too long")
            return "", True
        if not done.is_changed:
            return text, True
        for more in done.more:
            if state.rest:
                state.stack.append((state.rest, state.waiting))
            state.waiting = len(state.sequences)
            state.rest = list(reversed(more))
        return cleaned(done.text)[0], False

    def _add_sequence(self, text: str, state: _State) -> None:
        place = state.raw.place
        if text.startswith("~SEQ"):
            done = state.parameters.substitute(sequence_numbers(text), _SEQ_ROOM)
            found = None if done.more else read_sequence(text, done.text)
        else:
            found = read_list(text)
        if found is None:
            what = f"`{as_text(text)}`, which keepalived does not understand"
            self._leave(place, what)
        elif found.length > LENGTH_LIMIT:
            self._leave(place, f"`{as_text(text)}`, which makes more than {LENGTH_LIMIT} lines")
        else:
            state.sequences.append(found)

    # --- includes --------------------------------------------------------------------------------

    def _include(self, text: str, state: _State) -> None:
        place, folder = state.raw.place, state.raw.folder
        pattern = pattern_of(text)
        whole = pattern if pattern.startswith("/") else f"{folder}/{pattern}"
        found = self._matching(pattern, whole, place)
        opened: list[tuple[str, Iterator[Raw]]] = []
        for path in found:
            open_files = {name for name, _ in state.files}
            self._files += 1
            if path in open_files or len(state.files) >= DEPTH_LIMIT:
                self._leave(place, f"`include {path}`: includes that include each other")
                continue
            if self._files > FILES_LIMIT:
                self._leave(place, f"`include {pattern}`: more than {FILES_LIMIT} files")
                break
            try:
                opened.append((path, self._raw(path)))
            except SkippedFileError as error:
                self._ignored[skipped(place, path, error)] = None
            except OSError as error:
                self._leave(place, f"`include {path}`: {error.strerror or error}")
        state.files.extend(reversed(opened))

    def _matching(self, pattern: str, whole: str, place: Place) -> list[str]:
        try:
            found = self.files.matching(whole)
        except OSError as error:
            self._leave(place, f"`include {whole}`: {error.strerror or error}")
            return []
        if '"' in pattern and not self._is_there(found):
            self._ignored[quoted(place, pattern)] = None
            return []
        return found

    def _is_there(self, found: list[str]) -> bool:
        try:
            for path in found[:1]:
                self._raw(path)
        except FileNotFoundError:
            return False
        except OSError:
            return True
        return bool(found)

    def _leave(self, place: Place, what: str) -> None:
        self._note_unread(Unread(place, what))

    def _note_unread(self, one: Unread) -> None:
        self._unread[one] = None
