"""The mutants of a module, in the order of its lines."""

import ast
import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.mutation.operators import edits
from tests.mutation.places import Place, Source, Span, places


@dataclass(frozen=True, slots=True)
class Mutant:
    """One small fault in one module."""

    path: Path
    place: Place
    kind: str
    span: Span
    text: str
    data: bytes
    """The module as it stands."""

    def source(self) -> bytes:
        """Return the module with the fault in it."""
        return self.data[: self.span.start] + self.text.encode() + self.data[self.span.end :]

    def diff(self) -> str:
        """Return what is different, under a line that says where; without line numbers."""
        before, after = self.data.decode().splitlines(), self.source().decode().splitlines()
        lines = difflib.unified_diff(before, after, n=0, lineterm="")
        changed = [line for line in list(lines)[2:] if not line.startswith("@@")]
        return "\n".join([f"{self.path.name} {self.place.name}".rstrip(), *changed])


def mutants(path: Path) -> Iterator[Mutant]:
    """Make every mutant of a module that is another program than the module."""
    data = path.read_bytes()
    source = Source(data)
    plain = compile(data, path, "exec")
    seen = {plain}
    for place in places(ast.parse(data)):
        for kind, span, text in edits(place, source):
            mutant = Mutant(path, place, kind, span, text, data)
            code = compile(mutant.source(), path, "exec")
            if code not in seen:
                seen.add(code)
                yield mutant
