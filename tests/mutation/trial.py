"""One mutant on trial: a forked child imports it in place of the module, and runs the tests."""

import enum
import importlib.abc
import importlib.machinery
import os
import resource
import signal
import sys
import types
from collections.abc import Generator, Sequence
from dataclasses import dataclass

import pytest

START_LIMIT_S = 20.0
"""CPU seconds for importing and collecting."""
TEST_LIMIT_S = 5.0
"""CPU seconds for a test, and ten times what it took without a mutant."""
SILENCE_LIMIT_S = 600
"""A child that computes nothing is ended by this, in seconds of the clock."""
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
        _be_the_child(change, took_s, files, pytest_args)
    return pid


def verdict(status: int) -> Verdict:
    """Read the verdict from how the child ended."""
    if os.WIFSIGNALED(status):
        by = os.WTERMSIG(status)
        return Verdict.TIMEOUT if by in {signal.SIGPROF, signal.SIGALRM} else Verdict.KILLED
    return Verdict.SURVIVED if os.WEXITSTATUS(status) == 0 else Verdict.KILLED


def _be_the_child(
    change: Change, took_s: dict[str, float], files: Sequence[str], pytest_args: Sequence[str]
) -> None:
    status = 1
    try:
        nowhere = os.open(os.devnull, os.O_RDWR)
        for fd in (0, 1, 2):
            os.dup2(nowhere, fd)
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT_BYTES, MEMORY_LIMIT_BYTES))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        signal.setitimer(signal.ITIMER_PROF, START_LIMIT_S)
        signal.alarm(SILENCE_LIMIT_S)
        sys.meta_path.insert(0, _Importer(change))
        status = pytest.main([*pytest_args, "-x", *files], plugins=[_Chooser(took_s)])
    finally:
        os._exit(int(status))
