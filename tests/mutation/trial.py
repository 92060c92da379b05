"""One mutant on trial, in a forked child of its own, so that nothing of it stays.

What runs at the import is tried cold: the child imports the mutated module and collects the tests.
The inside of a function is tried warm: a process that has collected all tests is forked, and the
child only puts the mutated code into the function, which is many times quicker.
"""

import enum
import importlib.abc
import importlib.machinery
import os
import resource
import signal
import sys
import types
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import NoReturn

import pytest

START_LIMIT_S = 20.0
"""CPU seconds for importing and collecting."""
TEST_LIMIT_S = 5.0
"""CPU seconds for a test, and ten times what it took without a mutant."""
SILENCE_LIMIT_S = 600
"""A child that computes nothing is ended by this, in seconds of the clock."""
NO_VERDICT = 70
"""The exit code of a child that could not try its mutant."""
MEMORY_LIMIT_BYTES = 3 << 30


class Verdict(enum.Enum):
    """What became of a mutant."""

    KILLED = "killed"
    TIMEOUT = "timeout"
    SURVIVED = "survived"


@dataclass(frozen=True, slots=True)
class Change:
    """A module that is to be imported from another text."""

    module: str
    path: str
    source: bytes


class _Importer(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def __init__(self, change: Change) -> None:
        self.change = change

    def find_spec(
        self, fullname: str, path: object = None, target: object = None
    ) -> importlib.machinery.ModuleSpec | None:
        del path, target
        if fullname != self.change.module:
            return None
        spec = importlib.machinery.ModuleSpec(fullname, self, origin=self.change.path)
        spec.has_location = True
        return spec

    def exec_module(self, module: types.ModuleType) -> None:
        code = compile(self.change.source, self.change.path, "exec")
        exec(code, module.__dict__)  # noqa: S102  # this is how a module is made


class _Chooser:
    """The pytest plugin that runs the chosen tests in their order, each with its limit."""

    def __init__(self, took_s: dict[str, float]) -> None:
        self.took_s = took_s

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        place = {test: i for i, test in enumerate(self.took_s)}
        items[:] = sorted(
            (item for item in items if item.nodeid in place), key=lambda item: place[item.nodeid]
        )

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        signal.setitimer(signal.ITIMER_PROF, TEST_LIMIT_S + 10 * self.took_s[item.nodeid])
        return (yield)


def start(
    change: Change, took_s: dict[str, float], files: Sequence[str], pytest_args: Sequence[str]
) -> int:
    """Start the trial of one mutant; return the pid. `took_s` has the chosen tests in order."""
    pid = os.fork()
    if pid == 0:
        _be_a_cold_child(change, took_s, files, pytest_args)
    return pid


def verdict(status: int) -> Verdict:
    """Read the verdict from how the child ended."""
    if os.WIFSIGNALED(status):
        by = os.WTERMSIG(status)
        return Verdict.TIMEOUT if by in {signal.SIGPROF, signal.SIGALRM} else Verdict.KILLED
    code = os.WEXITSTATUS(status)
    if code not in {pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.INTERRUPTED}:
        raise RuntimeError(f"no verdict, but exit code {code}")
    return Verdict.SURVIVED if code == 0 else Verdict.KILLED


def _limited(body: Callable[[], int]) -> NoReturn:
    """Be a child that ends with what the body returns, or at its limits."""
    status = NO_VERDICT
    try:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT_BYTES, MEMORY_LIMIT_BYTES))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        signal.setitimer(signal.ITIMER_PROF, START_LIMIT_S)
        signal.alarm(SILENCE_LIMIT_S)
        status = body()
    finally:
        os._exit(status)


def be_silent() -> None:
    """Send all output nowhere."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(nowhere, fd)


def _be_a_cold_child(
    change: Change, took_s: dict[str, float], files: Sequence[str], pytest_args: Sequence[str]
) -> NoReturn:
    def body() -> int:
        be_silent()
        sys.meta_path.insert(0, _Importer(change))
        return int(pytest.main([*pytest_args, "-x", *files], plugins=[_Chooser(took_s)]))

    _limited(body)


# --- warm --------------------------------------------------------------------------------------


class Court:
    """The pytest plugin that tries many mutants instead of running the tests once."""

    def __init__(
        self, cases: Sequence[tuple[Change, str, dict[str, float]]], jobs: int, verdicts: int
    ) -> None:
        """Take the changes, each with the name of its function and its tests, and a pipe."""
        self.cases = cases
        self.jobs = jobs
        self.verdicts = verdicts
        self.under_way: dict[int, int] = {}

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        items = {item.nodeid: item for item in session.items}
        for number, case in enumerate(self.cases):
            while len(self.under_way) >= self.jobs:
                self._wait()
            pid = os.fork()
            if pid == 0:
                _be_a_warm_child(session, items, *case)
            self.under_way[pid] = number
        while self.under_way:
            self._wait()
        return True

    def _wait(self) -> None:
        pid, status = os.wait()
        word = verdict(status).value
        os.write(self.verdicts, f"{self.under_way.pop(pid)} {word}\n".encode())


def _be_a_warm_child(
    session: pytest.Session,
    items: dict[str, pytest.Item],
    change: Change,
    function: str,
    took_s: dict[str, float],
) -> NoReturn:
    def body() -> int:
        exchange(change, function)
        for test, usual_s in took_s.items():
            signal.setitimer(signal.ITIMER_PROF, TEST_LIMIT_S + 10 * usual_s)
            session.config.hook.pytest_runtest_protocol(item=items[test], nextitem=None)
            if session.testsfailed:
                return 1
        return 0

    _limited(body)


def exchange(change: Change, function: str) -> None:
    """Put the changed code of a function or method (`Class.method`) into the living one."""
    found: object = sys.modules[change.module]
    for name in function.split("."):
        found = found.__dict__[name]
    if isinstance(found, property):
        found = found.fget
    assert isinstance(found, types.FunctionType)
    found.__code__ = _code_of(compile(change.source, change.path, "exec"), function)


def _code_of(code: types.CodeType, function: str) -> types.CodeType:
    for name in function.split("."):
        code = next(
            inner
            for inner in code.co_consts
            if isinstance(inner, types.CodeType) and inner.co_name == name
        )
    return code
