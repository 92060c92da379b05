"""The small faults that are planted, one at a time: which there are, and the code that has one.

None is in docstrings, annotations, decorators, imports and what only a type checker reaches.
"""

import ast
import copy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from types import CodeType
from typing import Any, TypeAlias

SIZES = {"Lt": "LtE GtE", "LtE": "Lt Gt", "Gt": "GtE LtE", "GtE": "Gt Lt"}
SAMENESS = {
    "Eq": "NotEq",
    "NotEq": "Eq",
    "Is": "IsNot",
    "IsNot": "Is",
    "In": "NotIn",
    "NotIn": "In",
}
SUMS = {"Add": "Sub", "Sub": "Add", "Mult": "Div", "Div": "Mult", "FloorDiv": "Mult", "Pow": "Mult"}
OPERATORS = SIZES | SAMENESS | SUMS | {"And": "Or", "Or": "And"}
FUNCTIONS = {"min": "max", "max": "min", "any": "all", "all": "any", "sorted": "list"}
UNPLANTED = {"annotation", "returns", "decorator_list", "bases", "ctx", "op", "ops"}
SHOWN_CHARS = 70
"""So much of a long table is shown on each side of the fault."""

Node: TypeAlias = Any  # ast tells its types by name, and few fields by type
Step: TypeAlias = tuple[Node, str, int]
"""A node, and the field and the place in it where the next one stands."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """One small fault in one module: another node, at the end of a way from the module."""

    path: Path
    way: tuple[Step, ...]
    node: Node
    fault: Node

    @property
    def function(self) -> ast.FunctionDef | None:
        """The function whose body has it; functions inside that one are part of its code."""
        return next(iter(_functions(self.way)), None)

    @property
    def name(self) -> str:
        """The class and function that have it, or what is made there outside of functions."""
        kinds = ast.ClassDef | ast.FunctionDef | ast.Assign | ast.AnnAssign
        made = [node for node, *_ in self.way if isinstance(node, kinds)]
        whole = [getattr(node, "targets", [getattr(node, "target", node)])[0] for node in made]
        return ".".join(getattr(node, "name", "") or ast.unparse(node) for node in whole)

    @property
    def lines(self) -> range:
        """The lines of the statement, or of its head: who runs none of them sees nothing."""
        held = self._statement()
        inside = getattr(held, "body", None) or getattr(held, "cases", None)
        last = first_line(inside[0]) - 1 if inside else held.end_lineno
        return range(first_line(held), max(first_line(held), last) + 1)

    def diff(self) -> str:
        """Return module and name, what stood there and what stands there now; no line numbers."""
        held = self._statement()
        before = _head(held)
        with self._planted():
            after = _head(self.fault if held is self.node else held)
        same = _same(before, after)
        end = _same(before[same:][::-1], after[same:][::-1])
        cut, left = max(0, same - SHOWN_CHARS), max(0, end - SHOWN_CHARS)
        before, after = (text[cut : len(text) - left] for text in (before, after))
        return f"{self.path.parent.name}/{self.path.name} {self.name}\n- {before}\n+ {after}"

    def code(self) -> CodeType:
        """Compile the module with the fault in it."""
        with self._planted():
            return compile(self.way[0][0], self.path, "exec")

    def _statement(self) -> Node:
        nodes = [*(node for node, *_ in self.way), self.node]
        return [node for node in nodes if isinstance(node, ast.stmt | ast.match_case)][-1]

    @contextmanager
    def _planted(self) -> Iterator[None]:
        _put(self.way[-1], self.fault)
        try:
            yield
        finally:
            _put(self.way[-1], self.node)


def mutants(path: Path) -> Iterator[Mutant]:
    """Make every mutant of a module that is another program than the module and the others."""
    tree = ast.parse(path.read_bytes())
    seen = {compile(tree, path, "exec")}
    for node, way in _nodes(tree, ()):
        for fault in _faults(node, way) if way else ():
            ast.fix_missing_locations(ast.copy_location(fault, node))
            mutant = Mutant(path, way, node, fault)
            code = mutant.code()
            if code not in seen and ast.dump(fault) != ast.dump(node):
                seen.add(code)
                yield mutant


def first_line(node: Node) -> int:
    """Return where a node begins, with its decorators."""
    parts = [*getattr(node, "decorator_list", []), getattr(node, "pattern", node)]
    return min(int(part.lineno) for part in parts)


def _head(node: Node) -> str:
    return next(line for line in ast.unparse(node).split("\n") if not line.startswith("@"))


def _same(one: str, other: str) -> int:
    """Count the characters that both begin with."""
    return len(list(takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False))))


def _put(step: Step, node: Node) -> None:
    parent, field, at = step
    if isinstance(there := getattr(parent, field), list):
        there[at] = node
    else:
        setattr(parent, field, node)


def _functions(way: tuple[Step, ...]) -> list[ast.FunctionDef]:
    return [at for at, field, _ in way if isinstance(at, ast.FunctionDef) and field == "body"]


def _nodes(node: Node, way: tuple[Step, ...]) -> Iterator[tuple[Node, tuple[Step, ...]]]:
    match node:
        case ast.Expr(ast.Constant()) | ast.AnnAssign(annotation=ast.Name("TypeAlias")):
            return
        case ast.Import() | ast.ImportFrom() | ast.If(ast.Name("TYPE_CHECKING")):
            return
        case ast.Assign(value=ast.Subscript(ast.Name("Callable")) | ast.Call(ast.Name("TypeVar"))):
            return
        case ast.match_case(body=[ast.Expr(ast.Call(ast.Name("assert_never")))]):
            return
    yield node, way
    for field, value in ast.iter_fields(node) if not isinstance(node, ast.JoinedStr) else ():
        for at, child in enumerate(value if isinstance(value, list) else [value]):
            if isinstance(child, ast.AST) and field not in UNPLANTED:
                yield from _nodes(child, (*way, (node, field, at)))


def _faults(node: Node, way: tuple[Step, ...]) -> Iterator[Node]:
    function = next(reversed(_functions(way)), None)
    says = function is not None and isinstance(function.returns, ast.Name) and function.returns.id
    if isinstance(node, ast.expr):
        yield from _in_expression(node)
        if function is None and isinstance(node, ast.Tuple):  # else its shape is for type checkers
            yield from _fewer(node, "elts") if len(node.elts) > 1 else ()
        yield from _turned(node, *way[-1][:2], says_truth=says == "bool")
        return
    match node:
        case ast.Return():
            if node.value is not None and says != "bool":
                yield ast.Return(ast.Constant(None))
            if function is not None and function.body[-1] is not node:
                yield ast.Pass()
        case ast.Continue() | ast.Break():
            yield ast.Break() if isinstance(node, ast.Continue) else ast.Continue()
        case ast.For():
            yield _with(node, iter=ast.Tuple([], ast.Load()))
        case ast.AugAssign():
            yield from (ast.Pass(), ast.Assign([node.target], node.value), *_other_operators(node))
        case ast.Raise() | ast.Delete() | ast.Expr():
            yield ast.Pass()
        case ast.Assign() if function is not None and _is_again(node, function):
            yield ast.Pass()
        case ast.match_case():
            for guard in (False, True) if node.guard else (False,):
                yield _with(node, guard=ast.Constant(guard))
        case ast.MatchOr():
            yield from _fewer(node, "patterns")


def _in_expression(node: Node) -> Iterator[Node]:
    match node:
        case ast.Compare() | ast.BinOp():
            yield from _other_operators(node)
        case ast.BoolOp():
            yield from (*_other_operators(node), *_fewer(node, "values"))
        case ast.UnaryOp(ast.Not() | ast.USub()):
            yield node.operand
        case ast.Call(ast.Name("float"), [ast.Constant("-inf")]):
            yield from (ast.Constant(0.0), _with(node, args=[ast.Constant("inf")]))
        case ast.Call(ast.Name("replace")):
            yield from _fewer(node, "keywords")
        case ast.Call(ast.Name(name)) if name in FUNCTIONS:
            keywords = [] if name == "sorted" else node.keywords
            yield _with(node, func=ast.Name(FUNCTIONS[name], ast.Load()), keywords=keywords)
        case ast.Slice():
            yield from (_with(node, lower=None), _with(node, upper=None))
        case ast.List(ctx=ast.Load()) | ast.Set():
            yield from _fewer(node, "elts")
        case ast.Dict():
            fewer = zip(_fewer(node, "keys"), _fewer(node, "values"), strict=True)
            yield from (_with(keys, values=values.values) for keys, values in fewer)
        case ast.Constant(bool()):
            yield ast.Constant(not node.value)
        case ast.Constant(int() | float() as value):
            less = value - 1 if isinstance(value, int) else value / 2
            yield from (ast.Constant(value + 1), ast.Constant(less))
        case ast.Constant(bytes()):
            yield ast.Constant(b"XX")
        case ast.JoinedStr() | ast.Constant(str()) if getattr(node, "value", "") not in {
            "inf",
            "-inf",
        }:
            yield ast.Constant("XX")


def _turned(node: Node, parent: Node, field: str, *, says_truth: bool) -> Iterator[Node]:
    """Turn round what is asked, where no other fault does it already."""
    if field == "ifs":
        yield ast.Constant(value=True)
    says = says_truth and isinstance(parent, ast.BoolOp | ast.Return)
    plain = not isinstance(node, ast.Compare | ast.BoolOp | ast.UnaryOp | ast.Constant)
    if plain and (says or field in {"ifs", "test", "guard"}):
        yield ast.UnaryOp(ast.Not(), node)


def _other_operators(node: Node) -> Iterator[Node]:
    for at, operator in enumerate(getattr(node, "ops", None) or [node.op]):
        for name in OPERATORS.get(type(operator).__name__, "").split():
            other = getattr(ast, name)()
            ops = [*node.ops[:at], other, *node.ops[at + 1 :]] if hasattr(node, "ops") else []
            yield _with(node, ops=ops) if ops else _with(node, op=other)


def _fewer(node: Node, field: str) -> Iterator[Node]:
    parts = getattr(node, field)
    for at in range(len(parts)):
        kept = [*parts[:at], *parts[at + 1 :]]
        alone = len(kept) == 1 and isinstance(node, ast.BoolOp | ast.MatchOr)
        yield kept[0] if alone else _with(node, **{field: kept})


def _with(node: Node, **fields: object) -> Node:
    other = copy.copy(node)
    vars(other).update(fields)
    return other


def _is_again(step: ast.Assign, function: ast.FunctionDef) -> bool:
    """Say whether the function goes on without: no name is set for the first time."""
    earlier = {
        node.id
        for node in ast.walk(function)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        if node.lineno < step.lineno
    }
    return all(not isinstance(made, ast.Name) or made.id in earlier for made in step.targets)
