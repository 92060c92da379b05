"""Where a module can be mutated: its nodes, without what is only for people and type checkers."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, replace

Function = ast.FunctionDef | ast.AsyncFunctionDef
ENUMS = {"Enum", "IntEnum"}


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of the source, in bytes."""

    start: int
    end: int


class Source:
    """The text of a module; ast counts its columns in bytes."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self._starts = [0]
        for line in data.splitlines(keepends=True):
            self._starts.append(self._starts[-1] + len(line))

    def start(self, node: ast.expr | ast.stmt | ast.pattern) -> int:
        return self._starts[node.lineno - 1] + node.col_offset

    def end(self, node: ast.expr | ast.stmt | ast.pattern) -> int:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return self._starts[node.end_lineno - 1] + node.end_col_offset

    def span(self, node: ast.expr | ast.stmt | ast.pattern) -> Span:
        return Span(self.start(node), self.end(node))

    def text(self, span: Span) -> str:
        return self.data[span.start : span.end].decode()


@dataclass(frozen=True, slots=True)
class Place:
    """One node and what stands around it."""

    node: ast.AST
    parent: ast.AST
    first_line: int = 0
    last_line: int = 0
    """The lines of the statement, or of its head: a test that runs none of them sees nothing."""
    name: str = ""
    """Which class and function it is in."""
    function: Function | None = None
    function_name: str = ""
    """The outermost function with its class: functions inside it are parts of its code."""
    binds: str | None = None
    """Outside functions: the name that is made here; empty if all depends on it."""


def places(tree: ast.Module) -> Iterator[Place]:
    """Walk over everything that may be mutated."""
    for child in tree.body:
        yield from _inside(Place(child, tree))


def _inside(place: Place) -> Iterator[Place]:
    node = place.node
    if _is_for_people(node):
        return
    here = _named(place)
    yield here
    if isinstance(node, ast.JoinedStr):
        return  # the parser of 3.11 does not say where the parts of an f-string are
    for field, value in ast.iter_fields(node):
        if field in {"annotation", "returns", "decorator_list", "bases", "ctx", "op", "ops"}:
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield from _inside(replace(here, node=child, parent=node))


def _is_for_people(node: ast.AST) -> bool:
    match node:
        case ast.Expr(ast.Constant()) | ast.Import() | ast.ImportFrom():
            return True
        case ast.AnnAssign(annotation=ast.Name("TypeAlias")):
            return True
        case ast.Assign([ast.Name()], ast.Subscript(ast.Name("Callable"))):
            return True
        case ast.If(ast.Name("TYPE_CHECKING")):
            return True
        case ast.match_case(body=[ast.Expr(ast.Call(ast.Name("assert_never")))]):
            return True
        case _:
            return False


def _named(place: Place) -> Place:
    """Tell the statement, class, function and name that a node opens."""
    node = place.node
    match node:
        case ast.ClassDef():
            enum = any(isinstance(b, ast.Attribute) and b.attr in ENUMS for b in node.bases)
            opened = replace(place, name=node.name, binds="" if enum else None)
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            name = f"{place.name}.{node.name}" if place.name else node.name
            outermost = place.function_name or name
            opened = replace(place, name=name, function=node, function_name=outermost)
        case ast.Assign([ast.Name(bound)]) | ast.AnnAssign(ast.Name(bound)):
            in_function = place.function is not None or place.binds == ""
            opened = place if in_function else replace(place, binds=bound)
        case ast.match_case():
            last = node.guard.end_lineno if node.guard else node.pattern.end_lineno
            return replace(place, first_line=node.pattern.lineno, last_line=last or 0)
        case _:
            opened = place
    if not isinstance(node, ast.stmt):
        return opened
    first, last = node.lineno, node.end_lineno or node.lineno
    body = getattr(node, "body", None) or getattr(node, "cases", None)
    if body:
        inner = body[0].pattern if isinstance(body[0], ast.match_case) else body[0]
        last = max(first, inner.lineno - 1)
    return replace(opened, first_line=first, last_line=last)
