"""One run of all tests under coverage: how long each takes, and which lines it runs."""

import hashlib
import json
import os
import re
import signal
import time
from collections.abc import Callable, Iterable
from itertools import accumulate, chain
from pathlib import Path
from types import SimpleNamespace

import coverage
import pytest

from tests.mutation.mutants import Mutant

ARGS = "-qq -s --tb=no -p no:cacheprovider -p no:xdist -p no:cov -o timeout=0 --hypothesis-seed=0"
IMPORTED = ("-W", "ignore::pytest.PytestAssertRewriteWarning")
PLACE = Path(".stamps/mutation.json")
SLOW_S = 1.5
"""A test that takes more CPU seconds under coverage is left out."""
ENOUGH_S = 15.0
"""So many CPU seconds of tests, the quick ones first, must notice a mutant."""


class TooSlowError(BaseException):
    """Not an Exception, so that no test takes it for its own."""


def collected(paths: Iterable[str], body: Callable[[pytest.Session], object]) -> int:
    """Let pytest collect tests, and do with them what the body does; return the exit code."""

    def loop(session: pytest.Session) -> bool:
        body(session)
        return True

    plugin = SimpleNamespace(pytest_runtestloop=loop)
    return int(pytest.main([*ARGS.split(), *IMPORTED, *paths], plugins=[plugin]))


def run(item: pytest.Item, limit_s: float) -> None:
    """Run one test; SIGPROF comes after so many CPU seconds."""
    signal.setitimer(signal.ITIMER_PROF, limit_s)
    item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
    signal.setitimer(signal.ITIMER_PROF, 0)


def be_silent() -> None:
    """Send all output nowhere."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in range(3):
        os.dup2(nowhere, descriptor)


class Survey:
    """What the run found; it is remembered until a file changes."""

    def __init__(self, packages: list[Path], tests: list[str]) -> None:
        self.tests = tests
        read = [*packages, *map(Path, tests)]
        files = chain.from_iterable(at.rglob("*.py") if at.is_dir() else [at] for at in read)
        self.texts = {str(file): file.read_text() for file in sorted(files)}
        key = hashlib.sha256(repr(self.texts).encode()).hexdigest()
        if not PLACE.exists() or json.loads(PLACE.read_text())["key"] != key:
            PLACE.parent.mkdir(exist_ok=True)
            if (pid := os.fork()) == 0:
                os._exit(_run_all(packages, tests, key))
            if os.waitpid(pid, 0)[1]:
                raise SystemExit("the tests fail without any mutant")
        found = json.loads(PLACE.read_text())
        self.took_s: dict[str, float] = found["took_s"]
        self.ran: dict[str, dict[str, list[int]]] = found["ran"]
        """File, line: the numbers of the tests that run it."""
        self.numbered: list[str] = found["tests"]
        """All tests; "" stands for the import."""

    def runs(self, mutant: Mutant) -> set[str]:
        """Return the tests that run its line; "" if the import does."""
        ran = self.ran.get(str(mutant.path), {})
        return {self.numbered[test] for line in mutant.lines for test in ran.get(str(line), [])}

    def circles(self, mutant: Mutant) -> list[list[str]]:
        """Return the tests in files that say its name, those that run a line that does, and all."""
        word = re.compile(rf"\b{mutant.name.split('.')[-1]}\b")
        near = {test for test in self.took_s if word.search(self.texts[test.split("::")[0]])}
        far = {
            self.numbered[test]
            for path, ran in self.ran.items()
            for number, line in enumerate(self.texts[path].split("\n"), 1)
            if word.search(line)
            for test in ran.get(str(number), [])
        }
        far |= self.runs(mutant)
        rest = self.took_s.keys() - near - far
        return [self.quick_first(tests) for tests in (near, far - near, rest)]

    def quick_first(self, tests: Iterable[str]) -> list[str]:
        known = [test for test in tests if test in self.took_s]
        known.sort(key=lambda test: (self.took_s[test], test))
        so_far_s = accumulate(self.took_s[test] for test in known)
        return [test for test, took_s in zip(known, so_far_s, strict=True) if took_s <= ENOUGH_S]


def _run_all(packages: list[Path], tests: list[str], key: str) -> int:
    be_silent()
    measured = coverage.Coverage(data_file=None, source=[*map(str, packages)], config_file=False)
    took_s: dict[str, float] = {}
    slow: list[object] = []

    def give_up(*_: object) -> None:
        slow.append(None)
        raise TooSlowError

    def look(session: pytest.Session) -> None:
        signal.signal(signal.SIGPROF, give_up)
        for item in session.items:
            measured.switch_context(item.nodeid)
            failed, given_up, began_s = session.testsfailed, len(slow), time.process_time()
            run(item, SLOW_S)
            if len(slow) > given_up:
                session.testsfailed = failed
            else:
                took_s[item.nodeid] = time.process_time() - began_s
            measured.switch_context("")

    measured.start()
    status = collected(tests, look)
    measured.stop()
    data = measured.get_data()
    number = {test: at for at, test in enumerate(sorted(data.measured_contexts()))}
    ran = {
        name: {line: [number[test] for test in ran] for line, ran in lines.items()}
        for name in data.measured_files()
        for lines in [data.contexts_by_lineno(name)]
    }
    PLACE.write_text(json.dumps({"key": key, "took_s": took_s, "tests": list(number), "ran": ran}))
    return status
