"""Small changes to hakeeper's own code, in this process and for a while: planted bugs.

A changed function keeps its identity: only its code is exchanged, so that everybody who has it
runs the changed one. A change that no longer fits what it was made for is an error, not a bug that
nobody finds.
"""

import builtins
import contextlib
import dis
import functools
import importlib
import inspect
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from types import CodeType, FunctionType, ModuleType
from typing import Any, Protocol

from hakeeper.core.model import Role
from hakeeper.core.roles.table import TABLE, RoleEvent, Step


class Change(Protocol):
    """What can be planted."""

    def planted(self) -> contextlib.AbstractContextManager[None]:
        """Return a context in which it is in force."""

    def place(self) -> object:
        """Return what stands now where it is planted."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a function. `where`: `package.module:Class.function` or `...:function`.

    `was` stands in its source exactly once, and `becomes` takes its place.
    """

    where: str
    was: str
    becomes: str

    def place(self) -> object:
        """Return the function's code."""
        return _function(self.where).__code__

    @contextlib.contextmanager
    def planted(self) -> Iterator[None]:
        """Let the function be the changed one."""
        function = _function(self.where)
        changed = _changed(self.where, self.was, self.becomes)
        original = function.__code__
        function.__code__ = changed
        try:
            yield
        finally:
            function.__code__ = original


@dataclass(frozen=True, slots=True)
class Constant:
    """A constant has another value wherever hakeeper uses it, but not in what judges it."""

    where: str
    value: object

    def place(self) -> object:
        """Return the value in its own module."""
        home, name = self.where.split(":")
        return getattr(importlib.import_module(home), name)

    @contextlib.contextmanager
    def planted(self) -> Iterator[None]:
        """Let the constant have this value."""
        name, original = self.where.split(":")[1], self.place()
        users = [module for module in _shipped() if getattr(module, name, None) is original]
        if original == self.value or not users:
            raise LookupError(f"{self.where} cannot become {self.value!r}")
        for module in users:
            setattr(module, name, self.value)
        try:
            yield
        finally:
            for module in users:
                setattr(module, name, original)


@dataclass(frozen=True, slots=True)
class Row:
    """The role table says something else of an event, for one role."""

    event: RoleEvent
    role: Role
    leads_to: Role

    def place(self) -> object:
        """Return the cell."""
        return TABLE[self.event][self.role]

    @contextlib.contextmanager
    def planted(self) -> Iterator[None]:
        """Let the table say so."""
        row: Any = TABLE[self.event]
        original: Step = row[self.role]
        if original.role is self.leads_to and not original.check:
            raise LookupError(f"{self} is what the table says")
        row[self.role] = Step(self.leads_to, original.reason)
        try:
            yield
        finally:
            row[self.role] = original


def _shipped() -> list[ModuleType]:
    """Return what is shipped to servers, as far as it is in use."""
    return [
        module
        for name, module in sys.modules.items()
        if name.startswith("hakeeper.")
        and not name.startswith(("hakeeper.demo", "hakeeper.simulate"))
    ]


def _function(where: str) -> FunctionType:
    home, path = where.split(":")
    found: object = importlib.import_module(home)
    for name in path.split("."):
        found = getattr(found, name)
    found = found.fget if isinstance(found, property) else found
    if not isinstance(found, FunctionType):
        raise TypeError(f"{where} is no function")
    return found


@functools.cache
def _changed(where: str, was: str, becomes: str) -> CodeType:
    function = _function(where)
    source = textwrap.dedent(inspect.getsource(function))
    if source.count(was) != 1:
        raise LookupError(f"{where} has {source.count(was)} times, not once: {was}")
    scope = dict(function.__globals__)
    exec(  # noqa: S102  # our own code, changed in one place
        compile(source.replace(was, becomes), f"<planted in {where}>", "exec"), scope
    )
    made = scope[function.__name__]
    made = made.fget if isinstance(made, property) else made
    if not isinstance(made, FunctionType):
        raise TypeError(f"{where} is no function any more")
    known = function.__globals__.keys() | vars(builtins).keys()
    if unknown := sorted(set(_names_loaded(made.__code__)) - known):
        raise LookupError(f"{where} does not know {', '.join(unknown)}: {becomes}")
    return made.__code__


def _names_loaded(code: CodeType) -> Iterator[str]:
    """Yield what the code and the functions in it look for in their module, or in Python itself."""
    for step in dis.get_instructions(code):
        if step.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
            yield step.argval
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names_loaded(constant)
