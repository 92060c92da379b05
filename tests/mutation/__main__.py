"""Plant small faults in the core, one at a time, and see which of them the tests notice.

    python -m tests.mutation [--module claim/rules] [--sample 500 --seed 1] [--jobs 2]

Each mutant is tried in a forked child by the tests that run its line, the quick ones first, until
one fails. One in a function is warm: all tests are collected already, and the function gets other
code. One that has its effect at the import is cold: the child imports and collects anew. Prints
the survivors; fails if survivors.md has no reason for one.
"""

import argparse
import gc
import os
import random
import resource
import signal
import sys
import types
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import NoReturn

import hypothesis  # noqa: F401  # once here instead of in every child
import pytest

from tests.mutation.mutants import Mutant, first_line, mutants
from tests.mutation.survey import Survey, be_silent, collected, run

TESTS = [
    "tests/core",
    "tests/diagnosis",
    "tests/sequencer",
    "tests/transcripts",
    "tests/docs/test_design.py",
]
"""The last one reads the tables that the core prints."""
PACKAGES = [Path("hakeeper/core"), Path("hakeeper/diagnosis")]
"""What they have to reach: as in `make core-tests`."""
LIMIT_S = 2.0
"""CPU seconds for a test, and ten times what it took without a mutant."""
SILENT_S = 600
"""A child that computes nothing is ended by then."""
MEMORY_BYTES = 3 << 30
NO_VERDICT = 70
"""The exit code of a child that could not try its mutant, which counts as a survivor."""


@dataclass
class Court:
    """Tries mutants, some at the same time, and counts."""

    survey: Survey
    jobs: int
    page: str
    under_way: dict[int, Mutant] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)

    def try_all(self, chosen: list[Mutant]) -> None:
        """Try the cold ones first, while nothing of the package is imported here."""
        kinds: dict[bool, list[Mutant]] = {True: [], False: []}
        for one in chosen:
            kinds[one.function is not None and "" not in self.survey.runs(one)].append(one)
        self.try_each(kinds[False], self.notices_cold)
        if kinds[True]:
            collected(self.survey.tests, partial(self.try_warm, kinds[True]))

    def try_warm(self, warm: list[Mutant], session: pytest.Session) -> None:
        functions = [one for one in gc.get_objects() if isinstance(one, types.FunctionType)]
        codes = [one.__code__ for one in functions]
        places = [(code.co_filename, code.co_firstlineno) for code in codes]
        gc.freeze()
        living = dict(zip(places, functions, strict=True))
        self.try_each(warm, partial(self.notices_warm, session, living))

    def try_each(self, chosen: list[Mutant], notices: Callable[[Mutant], bool]) -> None:
        """Try them, and first of all the code as it is, which must survive."""
        for mutant in [replace(one, fault=one.node) for one in chosen[:1]] + chosen:
            self.wait(self.jobs - 1)
            pid = os.fork()
            if pid == 0:
                end(partial(notices, mutant))
            self.under_way[pid] = mutant
        self.wait(0)

    def wait(self, left: int) -> None:
        while len(self.under_way) > left:
            pid, status = os.wait()
            mutant = self.under_way.pop(pid)
            if mutant.fault is mutant.node:
                if status:
                    raise SystemExit("the code as it is does not survive")
            elif status not in {0, NO_VERDICT << 8}:
                late = status in {signal.SIGPROF, signal.SIGALRM}
                self.counts["killed by the time limit" if late else "killed"] += 1
            else:
                known = f"\n{mutant.diff()}\n" in self.page
                self.counts["survived, known" if known else "survived"] += 1
                where = f"{mutant.path.relative_to(Path.cwd())}:{mutant.lines.start}"
                say(f"\n{where}{' (known)' * known}\n{mutant.diff()}")

    def notices_cold(self, mutant: Mutant) -> bool:
        name = ".".join(mutant.path.relative_to(Path.cwd()).with_suffix("").parts)
        spec = spec_from_file_location(name, mutant.path)
        assert spec is not None
        sys.modules[name] = module_from_spec(spec)
        try:
            exec(mutant.code(), vars(sys.modules[name]))  # noqa: S102  # this is how a module is made
        except Exception:  # noqa: BLE001  # an import that fails is noticed
            return True
        for tests in self.survey.circles(mutant):
            files = sorted({test.split("::")[0] for test in tests})
            if files and collected(files, partial(self.notices, tests)):
                return True
        return False

    def notices_warm(
        self,
        session: pytest.Session,
        living: dict[tuple[str, int], types.FunctionType],
        mutant: Mutant,
    ) -> bool:
        line = first_line(mutant.function)
        living[str(mutant.path), line].__code__ = code_at(mutant.code(), line)
        return self.notices(self.survey.quick_first(self.survey.runs(mutant)), session)

    def notices(self, tests: list[str], session: pytest.Session) -> bool:
        items = {item.nodeid: item for item in session.items}
        for test in tests:
            if session.testsfailed:
                break
            if test in items:  # else the mutant changes what is parametrized
                run(items[test], LIMIT_S + 10 * self.survey.took_s[test])
        return bool(session.testsfailed)


def end(notices: Callable[[], bool]) -> NoReturn:
    """Be a child that ends with what it noticed, or at its limits."""
    status = NO_VERDICT
    try:
        be_silent()
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        signal.alarm(SILENT_S)
        status = int(notices())
    finally:
        os._exit(status)


def code_at(code: types.CodeType, line: int) -> types.CodeType:
    """Find the code of the function that begins at a line."""
    inner = [one for one in code.co_consts if isinstance(one, types.CodeType)]
    before = [one for one in inner if one.co_firstlineno <= line]
    found = max(before, key=lambda one: one.co_firstlineno)
    return found if found.co_firstlineno == line else code_at(found, line)


def is_named(path: Path, name: str) -> bool:
    """Say whether a module is meant by its name, by that of its room, or by both."""
    room, module = path.parent.name, path.stem
    return name in {room, module, f"{room}/{module}"}


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation")
    parser.add_argument("--package", type=Path, nargs="+", default=PACKAGES)
    parser.add_argument("--tests", nargs="+", default=TESTS)
    parser.add_argument("--page", type=Path, default=Path(__file__).with_name("survivors.md"))
    parser.add_argument(
        "--module",
        action="append",
        help="only this one, such as `claim/rules`, or all of a room: `claim`",
    )
    parser.add_argument("--line", type=int, help="only those of this line")
    parser.add_argument("--sample", type=int, help="so many of them, drawn by chance")
    parser.add_argument("--seed", type=int, default=0, help="of the sample")
    parser.add_argument("--jobs", type=int, default=1, help="how many at the same time")
    given = parser.parse_args()
    packages = [package.resolve() for package in given.package]
    paths = [path for package in packages for path in sorted(package.rglob("*.py"))]
    if given.module:
        named = [path for path in paths if any(is_named(path, one) for one in given.module)]
        paths = named or parser.error(f"no module or room is called {', '.join(given.module)}")
    chosen = [mutant for path in paths for mutant in mutants(path)]
    chosen = [one for one in chosen if given.line in {None, one.lines.start}]
    if given.sample is not None:
        chosen = random.Random(given.seed).sample(chosen, min(given.sample, len(chosen)))  # noqa: S311
    say(f"{len(chosen)} mutants; the first run after a change runs all tests once before")
    page = given.page.read_text() if given.page.exists() else ""
    court = Court(Survey(packages, given.tests), given.jobs, page)
    court.try_all(chosen)
    counts = court.counts
    survived = counts["survived"] + counts["survived, known"]
    parts = ", ".join(f"{count} {what}" for what, count in sorted(counts.items()))
    say(f"\n{len(chosen)} mutants: {parts}; noticed: {100 * (1 - survived / len(chosen)):.1f} %")
    return 1 if counts["survived"] else 0


if __name__ == "__main__":
    raise SystemExit(main())
