"""Plant small faults in the core, one at a time, and see which of them the tests notice.

    python -m tests.mutation [--module address] [--again] [--write]

Each mutant is tried in a child of its own against the tests that run its line, the quick ones
first, until one fails. The package and the tests are copied first, so that work may go on
meanwhile.
"""

import argparse
import datetime as dt
import os
import shlex
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import hypothesis  # noqa: F401  # imported once here instead of in every child
import pytest

from tests.mutation import atlas, survivors, trial
from tests.mutation.ledger import Ledger
from tests.mutation.mutants import Mutant, mutants
from tests.mutation.trial import Verdict

PYTEST_ARGS = (
    *("-q", "--no-header", "-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:cov"),
    *("-o", "timeout=0", "--hypothesis-seed=0", "--tb=no"),
    *("-W", "ignore::pytest.PytestAssertRewriteWarning"),
)


AT_FAULT = "the runner is at fault: not even the unchanged code survives"


@dataclass(slots=True)
class Run:
    """What is to be done, and what came of it."""

    package: Path
    tests: Path
    atlas: atlas.Atlas
    pytest_args: tuple[str, ...]
    test_seconds: float
    jobs: int
    known: dict[str, str]
    """Reasons of survivors that are known already."""
    verdicts: list[tuple[Mutant, Verdict]] = field(default_factory=list)
    """Of the module at hand."""
    under_way: dict[int, tuple[Mutant, list[str]]] = field(default_factory=dict)
    """By pid; with the tests to try if those that run now notice nothing."""

    def try_module(self, path: Path, believed: dict[str, Verdict]) -> None:
        """Try its mutants; those that an earlier run noticed are believed."""
        self.verdicts = []
        warm: list[Mutant] = []
        cold: list[Mutant] = []
        for mutant in mutants(path):
            before = believed.get(mutant.diff())
            if before is not None:
                self.verdicts.append((mutant, before))
            elif not self.atlas.tests_for(mutant):
                self._end(mutant, Verdict.SURVIVED)
            else:
                (cold if self.atlas.is_cold(mutant) else warm).append(mutant)
        if cold:
            self._try_unchanged(cold[0])
        for mutant in cold:
            self._try_cold(mutant)
        while self.under_way:
            self._wait()
        if warm:
            self._try_warm(warm)

    def _change(self, mutant: Mutant) -> trial.Change:
        name = ".".join([*self.package.parts, mutant.path.stem])
        return trial.Change(name, str(mutant.path), mutant.source())

    def _try_unchanged(self, mutant: Mutant) -> None:
        """See that a child which imports the module as it is notices nothing."""
        change, _, took_s = self._case(mutant)
        files = sorted({test.split("::")[0] for test in took_s})
        unchanged = replace(change, source=mutant.data)
        pid = trial.start(unchanged, took_s, files, self.pytest_args)
        if trial.verdict(os.waitpid(pid, 0)[1]) is not Verdict.SURVIVED:
            raise SystemExit(AT_FAULT)

    def _try_cold(self, mutant: Mutant) -> None:
        """Try the tests in `test_<module>.py` first, since each file costs time to collect."""
        tests = self.atlas.tests_for(mutant)
        near = [test for test in tests if f"/test_{mutant.path.stem}.py::" in test]
        self._start(mutant, near or tests, tests if near else [])

    def _start(self, mutant: Mutant, tests: list[str], afterwards: list[str]) -> None:
        while len(self.under_way) >= self.jobs:
            self._wait()
        took_s = self._affordable(tests)
        files = sorted({test.split("::")[0] for test in took_s})
        pid = trial.start(self._change(mutant), took_s, files, self.pytest_args)
        self.under_way[pid] = mutant, afterwards

    def _try_warm(self, chosen: Sequence[Mutant]) -> None:
        cases = [self._case(mutant) for mutant in chosen]
        change, function, tests = cases[0]
        unchanged = replace(change, source=chosen[0].data)
        cases.append((unchanged, function, tests))
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            trial.be_silent()
            try:
                court = trial.Court(cases, self.jobs, writing)
                pytest.main([*self.pytest_args, str(self.tests)], plugins=[court])
            finally:
                os._exit(0)
        os.close(writing)
        answers: dict[int, Verdict] = {}
        with open(reading) as verdicts:  # noqa: PTH123  # a pipe
            for line in verdicts:
                number, word = line.split()
                answers[int(number)] = Verdict(word)
                if int(number) < len(chosen):
                    self._end(chosen[int(number)], Verdict(word))
        os.waitpid(pid, 0)
        if len(answers) != len(cases) or answers[len(chosen)] is not Verdict.SURVIVED:
            raise SystemExit(AT_FAULT)

    def _case(self, mutant: Mutant) -> tuple[trial.Change, str, dict[str, float]]:
        tests = self._affordable(self.atlas.tests_for(mutant))
        return self._change(mutant), mutant.place.function_name, tests

    def _affordable(self, tests: list[str]) -> dict[str, float]:
        """Choose tests, the quick ones first, until their time is used up; but one at least."""
        chosen: dict[str, float] = {}
        for test in tests:
            took_s = self.atlas.took_s[test]
            if chosen and sum(chosen.values()) + took_s > self.test_seconds:
                break
            chosen[test] = took_s
        return chosen

    def _wait(self) -> None:
        pid, status = os.wait()
        mutant, afterwards = self.under_way.pop(pid)
        verdict = trial.verdict(status)
        if verdict is Verdict.SURVIVED and afterwards:
            self._start(mutant, afterwards, [])
        else:
            self._end(mutant, verdict)

    def _end(self, mutant: Mutant, verdict: Verdict) -> None:
        self.verdicts.append((mutant, verdict))
        if verdict is Verdict.SURVIVED:
            diff = mutant.diff()
            reason = survivors.heading(self.known.get(diff, survivors.UNEXPLAINED))
            say(f"\nsurvived, {mutant.kind} ({reason})\n{diff}")


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("--package", type=Path, default=Path("hakeeper/core"))
    parser.add_argument("--tests", type=Path, default=Path("tests/core"))
    parser.add_argument("--module", action="append", help="only this one, such as `address`")
    parser.add_argument(
        "--again", action="store_true", help="believe what earlier runs killed; try the rest"
    )
    parser.add_argument("--write", action="store_true", help="write the page of survivors anew")
    parser.add_argument("--page", type=Path, default=Path("tests/mutation/survivors.md"))
    parser.add_argument("--memory", type=Path, default=Path(".stamps/mutation"))
    parser.add_argument(
        "--leave-out", action="append", default=[], help="a file of tests that takes too long"
    )
    parser.add_argument("--jobs", type=int, default=1, help="children at the same time")
    parser.add_argument("--least", type=float, default=90.0, help="percent that must be noticed")
    parser.add_argument(
        "--test-seconds", type=float, default=1e9, help="leave out slow tests beyond this"
    )
    return parser.parse_args()


def charted(given: argparse.Namespace, pytest_args: tuple[str, ...], memory: Path) -> atlas.Atlas:
    """Return the atlas; it is made in a child, since here nothing of the package is imported."""
    place = memory / f"atlas{len(given.leave_out)}.json"
    if atlas.remembered(given.package, given.tests, place) is None:
        say("running all tests once, to see which lines they run")
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                made = atlas.survey(given.package, given.tests, pytest_args)
                atlas.remember(made, given.package, given.tests, place)
                status = 0
            except BaseException:  # noqa: BLE001  # the child ends here in any case
                traceback.print_exc()
            finally:
                sys.stdout.flush()
                os._exit(status)
        if os.waitpid(pid, 0)[1] != 0:
            raise SystemExit("the tests fail without any mutant")
    made_before = atlas.remembered(given.package, given.tests, place)
    assert made_before is not None
    return made_before


def copied(root: Path, given: argparse.Namespace) -> None:
    """Copy what is tried, and stand in the copy."""
    for name in {given.package.parts[0], given.tests.parts[0]}:
        shutil.copytree(name, root / name, ignore=shutil.ignore_patterns("__pycache__", ".git"))
    if Path("pyproject.toml").exists():
        shutil.copy("pyproject.toml", root)
    os.chdir(root)
    sys.path.insert(0, str(root))
    del sys.modules["tests"]  # this runner came from there; those of the copy are tried
    sys.dont_write_bytecode = False


def main() -> int:
    given = options()
    page, memory = given.page.resolve(), given.memory.resolve()
    memory.mkdir(parents=True, exist_ok=True)
    ledger = Ledger(memory / "verdicts.json")
    began_s = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mutation-") as folder:
        copied(Path(folder), given)
        pytest_args = PYTEST_ARGS + tuple(f"--ignore={path}" for path in given.leave_out)
        chart = charted(given, pytest_args, memory)
        known = survivors.reasons(page)
        run = Run(
            given.package, given.tests, chart, pytest_args, given.test_seconds, given.jobs, known
        )
        modules = sorted(given.package.glob("*.py"))
        ledger.forget_all_but(path.name for path in modules)
        for path in modules:
            if not given.module or path.stem in given.module:
                say(f"\n{path.name}")
                run.try_module(path, ledger.noticed(path.name) if given.again else {})
                ledger.enter(path.name, run.verdicts)
        os.chdir("/")
    took = f"{(time.monotonic() - began_s) / 60:.0f} minutes"
    say("\n" + "\n".join(ledger.table()) + f"\n\n{took}")
    if given.write:
        write(page, ledger, known, took)
    return 0 if ledger.share_noticed() >= given.least else 1


def write(page: Path, ledger: Ledger, known: dict[str, str], took: str) -> None:
    command = shlex.join(["python", "-m", "tests.mutation", *sys.argv[1:]])
    day = dt.datetime.now(dt.UTC).date()
    note = f"`{command}`, {day}, {took}, Python {sys.version.split()[0]}."
    if "--again" in sys.argv:
        note += " What earlier runs killed was believed, and not tried again."
    head = ["# What the tests of the core do not notice", "", note, "", *ledger.table()]
    page.write_text(survivors.page_of("\n".join(head), ledger.survivors(), known))


if __name__ == "__main__":
    raise SystemExit(main())
