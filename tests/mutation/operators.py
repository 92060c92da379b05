"""What is done to a place: each operator tells its kind, the piece of text and what replaces it."""

import ast
import copy
import re
from collections.abc import Iterator
from typing import TypeAlias

from tests.mutation.places import Place, Source, Span

Edit: TypeAlias = tuple[str, Span, str]

COMPARED: dict[type[ast.cmpop], tuple[str, tuple[str, ...]]] = {
    ast.Lt: ("<", ("<=", ">=")),
    ast.LtE: ("<=", ("<", ">")),
    ast.Gt: (">", (">=", "<=")),
    ast.GtE: (">=", (">", "<")),
    ast.Eq: ("==", ("!=",)),
    ast.NotEq: ("!=", ("==",)),
    ast.Is: ("is", ("is not",)),
    ast.IsNot: ("is not", ("is",)),
    ast.In: ("in", ("not in",)),
    ast.NotIn: ("not in", ("in",)),
}
COMPUTED: dict[type[ast.operator], tuple[str, str]] = {
    ast.Add: ("+", "-"),
    ast.Sub: ("-", "+"),
    ast.Mult: ("*", "/"),
    ast.Div: ("/", "*"),
    ast.FloorDiv: ("//", "*"),
    ast.Pow: ("**", "*"),
}
OTHER_FUNCTION = {"min": "max", "max": "min", "any": "all", "all": "any"}
TIGHT = (ast.BoolOp, ast.UnaryOp, ast.Compare, ast.BinOp, ast.IfExp, ast.Attribute, ast.Starred)


def edits(place: Place, source: Source) -> Iterator[Edit]:
    """Return every edit of a place."""
    if isinstance(place.node, ast.expr):
        yield from _of_expression(place.node, place, source)
        yield from _of_condition(place.node, place, source)
    elif isinstance(place.node, ast.stmt):
        yield from _of_statement(place.node, place, source)
    elif isinstance(place.node, ast.match_case):
        yield from _of_case(place.node, source)


# --- expressions -----------------------------------------------------------------------------


def _of_expression(node: ast.expr, place: Place, source: Source) -> Iterator[Edit]:
    here = source.span(node)
    match node:
        case ast.Compare():
            yield from _of_comparison(node, source)
        case ast.BoolOp():
            yield from _of_logic(node, place, source)
        case ast.UnaryOp(ast.Not() | ast.USub(), operand):
            yield "a sign dropped", here, _fit(operand, place)
        case ast.BinOp() if type(node.op) in COMPUTED:
            gap = Span(source.end(node.left), source.start(node.right))
            yield "arithmetic", gap, source.text(gap).replace(*COMPUTED[type(node.op)], 1)
        case ast.Call():
            yield from _of_call(node, source)
        case ast.Slice():
            for side in ("lower", "upper"):
                if getattr(node, side) is not None:
                    yield "a bound dropped", here, _without(node, side)
        case ast.List() | ast.Set() | ast.Dict() | ast.Tuple():
            yield from _of_display(node, place, here)
        case ast.Constant() | ast.JoinedStr() if not _is_infinity(place.parent):
            yield from _of_literal(node, here)
        case _:
            pass


def _of_call(node: ast.Call, source: Source) -> Iterator[Edit]:
    here = source.span(node)
    function = node.func.id if isinstance(node.func, ast.Name) else ""
    if _is_infinity(node):
        yield "a number", here, "0.0"
        yield "a number", here, 'float("inf")'
    elif function == "sorted":
        yield "another function", here, f"list({ast.unparse(node.args[0])})"
    elif function in OTHER_FUNCTION:
        yield "another function", source.span(node.func), OTHER_FUNCTION[function]


def _is_infinity(node: ast.AST) -> bool:
    match node:
        case ast.Call(ast.Name("float"), [ast.Constant("-inf")]):
            return True
        case _:
            return False


def _of_comparison(node: ast.Compare, source: Source) -> Iterator[Edit]:
    before = node.left
    for operator, after in zip(node.ops, node.comparators, strict=True):
        gap = Span(source.end(before), source.start(after))
        was, becomes = COMPARED[type(operator)]
        for other in becomes:
            yield "a comparison", gap, source.text(gap).replace(was, other, 1)
        before = after


def _of_logic(node: ast.BoolOp, place: Place, source: Source) -> Iterator[Edit]:
    was, becomes = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
    here = source.span(node)
    for before, after in zip(node.values, node.values[1:], strict=False):
        gap = Span(source.end(before), source.start(after))
        other = re.sub(rf"\b{was}\b", becomes, source.text(gap), count=1)
        text = source.text(here)
        from_start = gap.start - here.start
        # Counted in bytes, as the spans are.
        raw = text.encode()
        made = raw[:from_start].decode() + other + raw[gap.end - here.start :].decode()
        yield "and/or", here, f"({made})" if isinstance(place.parent, TIGHT) else made
    for dropped in node.values:
        rest = [value for value in node.values if value is not dropped]
        kept = rest[0] if len(rest) == 1 else ast.BoolOp(node.op, rest)
        yield "a part dropped", here, _fit(kept, place)


def _of_literal(node: ast.Constant | ast.JoinedStr, here: Span) -> Iterator[Edit]:
    match node.value if isinstance(node, ast.Constant) else "":
        case bool(value):
            yield "a truth", here, str(not value)
        case int(value) | float(value):
            yield "a number", here, str(value + 1)
            if value:
                yield "a number", here, str(value - 1 if isinstance(value, int) else value / 2)
        case str():
            yield "text", here, '"XX"'
        case bytes():
            yield "text", here, 'b"XX"'
        case _:
            pass


def _of_display(
    node: ast.List | ast.Set | ast.Dict | ast.Tuple, place: Place, here: Span
) -> Iterator[Edit]:
    if isinstance(node, ast.Tuple) and (place.function is not None or len(node.elts) == 1):
        return  # the shape of a tuple is for the type checker
    if isinstance(place.parent, ast.Subscript) or isinstance(
        getattr(node, "ctx", None), ast.Store | ast.Del
    ):
        return
    values = node.values if isinstance(node, ast.Dict) else node.elts
    for index in range(len(values)):
        fewer = copy.deepcopy(node)
        if isinstance(fewer, ast.Dict):
            del fewer.keys[index], fewer.values[index]
        else:
            del fewer.elts[index]
        yield "an element dropped", here, "set()" if _empty_set(fewer) else ast.unparse(fewer)


def _empty_set(node: ast.expr) -> bool:
    return isinstance(node, ast.Set) and not node.elts


def _of_condition(node: ast.expr, place: Place, source: Source) -> Iterator[Edit]:
    """Turn round what is asked, where no other edit does it already."""
    plain = not isinstance(node, ast.Compare | ast.BoolOp | ast.UnaryOp | ast.Constant)
    match place.parent:
        case ast.If(test) | ast.While(test) | ast.IfExp(test) if node is test:
            asked = True
        case ast.comprehension(ifs=filters) if node in filters:
            yield "a filter dropped", source.span(node), "True"
            asked = True
        case ast.BoolOp() | ast.Return():
            asked = _truth_is_wanted(place)
        case _:
            asked = False
    if asked and plain:
        yield "turned round", source.span(node), _fit(ast.UnaryOp(ast.Not(), node), place)


def _truth_is_wanted(place: Place) -> bool:
    returns = place.function.returns if place.function is not None else None
    return isinstance(returns, ast.Name) and returns.id == "bool"


def _fit(node: ast.expr, place: Place) -> str:
    text = ast.unparse(node)
    return f"({text})" if isinstance(place.parent, TIGHT) else text


def _without(node: ast.expr, field: str) -> str:
    fewer = copy.copy(node)
    setattr(fewer, field, None)
    return ast.unparse(fewer)


# --- statements ------------------------------------------------------------------------------


def _of_statement(node: ast.stmt, place: Place, source: Source) -> Iterator[Edit]:
    here = source.span(node)
    match node:
        case ast.Return(ast.expr() as value):
            is_none = isinstance(value, ast.Constant) and value.value is None
            if not is_none and not _truth_is_wanted(place):
                yield "nothing returned", source.span(value), "None"
            if not _ends(node, place):
                yield "a return dropped", here, "pass"
        case ast.Return():
            yield "a return dropped", here, "pass"
        case ast.Continue():
            yield "a loop left", here, "break"
        case ast.Break():
            yield "a loop not left", here, "continue"
        case ast.Raise() | ast.Delete() | ast.Expr():
            yield "a step dropped", here, "pass"
        case ast.AugAssign():
            yield "a step dropped", here, "pass"
            was, becomes = COMPUTED[type(node.op)]
            gap = Span(source.end(node.target), source.start(node.value))
            yield "arithmetic", gap, source.text(gap).replace(was, becomes, 1)
            yield "arithmetic", gap, " = "
        case ast.Assign() if place.function is not None and _is_kept(node, place.function):
            yield "a step dropped", here, "pass"
        case _:
            pass


def _ends(node: ast.Return, place: Place) -> bool:
    return place.function is not None and place.function.body[-1] is node


def _is_kept(node: ast.Assign, function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Say whether the function goes on without the assignment: it is not the first of its name."""
    targets = [t for target in node.targets for t in ast.walk(target)]
    if any(isinstance(target, ast.Attribute | ast.Subscript) for target in targets):
        return True
    names = {target.id for target in targets if isinstance(target, ast.Name)}
    made = {
        target.id
        for step in ast.walk(function)
        if isinstance(step, ast.Assign) and step.lineno < node.lineno
        for target in ast.walk(step)
        if isinstance(target, ast.Name) and isinstance(target.ctx, ast.Store)
    }
    return names <= made


def _of_case(node: ast.match_case, source: Source) -> Iterator[Edit]:
    """A case that never comes; since patterns are told apart by class, order is seen by that."""
    if node.guard is not None:
        yield "a guard dropped", source.span(node.guard), "True"
        yield "never this case", source.span(node.guard), "False"
        if not isinstance(node.guard, ast.Compare | ast.BoolOp | ast.UnaryOp):
            yield "turned round", source.span(node.guard), f"not ({ast.unparse(node.guard)})"
    elif not isinstance(node.body[0], ast.Pass):
        end = source.end(node.pattern)
        yield "never this case", Span(end, end), " if False"
    if isinstance(node.pattern, ast.MatchOr):
        for dropped in node.pattern.patterns:
            rest = [p for p in node.pattern.patterns if p is not dropped]
            kept = rest[0] if len(rest) == 1 else ast.MatchOr(rest)
            yield "an element dropped", source.span(node.pattern), ast.unparse(kept)
