"""Which tests run which lines, and how long each takes: one run of the suite under coverage."""

import ast
import hashlib
import json
import time
from collections import defaultdict
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path

import coverage
import pytest

from tests.mutation.mutants import Mutant


class Surveyor:
    """The pytest plugin that takes the times and tells coverage which test is on."""

    def __init__(self, measured: coverage.Coverage) -> None:
        self.measured = measured
        self.took_s: dict[str, float] = {}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        self.measured.switch_context(item.nodeid)
        begun_s = time.process_time()
        result = yield
        self.took_s[item.nodeid] = time.process_time() - begun_s
        self.measured.switch_context("")
        return result


@dataclass(frozen=True, slots=True)
class Atlas:
    """What the survey found."""

    took_s: dict[str, float]
    """CPU seconds of each test, under coverage."""
    lines: dict[str, dict[int, set[str]]]
    """File name, line: the tests that run it."""
    imported: dict[str, set[int]]
    """File name: the lines that run before any test does."""
    mentions: dict[str, set[str]]
    """A name: the tests that run a line in which it stands, or whose own file says it."""

    def tests_for(self, mutant: Mutant) -> list[str]:
        """Return the tests that may notice, the quick ones first."""
        place = mutant.place
        if self.is_cold(mutant):
            bound = place.binds if place.function is None else None
            found = self.mentions.get(bound or "", set()) or set(self.took_s)
        else:
            lines = self.lines.get(mutant.path.name, {})
            span = range(place.first_line, place.last_line + 1)
            found = set().union(*(lines.get(line, set()) for line in span))
        return sorted(found, key=lambda test: (self.took_s[test], test))

    def is_cold(self, mutant: Mutant) -> bool:
        """Say whether it has its effect at the import already."""
        place = mutant.place
        if place.function is None or place.function.lineno == place.first_line:
            return True
        lines = self.imported.get(mutant.path.name, set())
        return any(line in lines for line in range(place.first_line, place.last_line + 1))


def survey(package: Path, tests: Path, pytest_args: Sequence[str]) -> Atlas:
    """Run all tests once, which must be good."""
    measured = coverage.Coverage(data_file=None, source=[str(package)], config_file=False)
    surveyor = Surveyor(measured)
    measured.start()
    status = pytest.main([*pytest_args, str(tests)], plugins=[surveyor])
    measured.stop()
    if status != pytest.ExitCode.OK:
        raise SystemExit("The tests fail without a mutant.")
    data = measured.get_data()
    lines = {
        Path(name).name: {
            line: {test for test in ran if test}
            for line, ran in data.contexts_by_lineno(name).items()
        }
        for name in data.measured_files()
    }
    imported = {
        Path(name).name: {line for line, ran in data.contexts_by_lineno(name).items() if "" in ran}
        for name in data.measured_files()
    }
    mentions = _mentions(package, tests, lines, surveyor.took_s)
    return Atlas(surveyor.took_s, lines, imported, mentions)


def _mentions(
    package: Path, tests: Path, lines: dict[str, dict[int, set[str]]], took_s: dict[str, float]
) -> dict[str, set[str]]:
    found: defaultdict[str, set[str]] = defaultdict(set)
    made_from: defaultdict[str, set[str]] = defaultdict(set)
    for path in sorted(package.glob("*.py")):
        tree = ast.parse(path.read_bytes())
        for node in ast.walk(tree):
            for name in _names(node):
                found[name] |= lines.get(path.name, {}).get(getattr(node, "lineno", 0), set())
        for step in tree.body:
            if isinstance(step, ast.Assign | ast.AnnAssign):
                made = step.targets[0] if isinstance(step, ast.Assign) else step.target
                for name in {n for node in ast.walk(step) for n in _names(node)}:
                    made_from[name].update(_names(made))
    for path in sorted(tests.rglob("test_*.py")):
        ours = {test for test in took_s if test.split("::")[0].endswith(path.name)}
        for node in ast.walk(ast.parse(path.read_bytes())):
            for name in _names(node):
                found[name] |= ours
    for name, others in made_from.items():
        for other in others:
            found[name] |= found[other]
    return dict(found)


def _names(node: ast.AST) -> list[str]:
    match node:
        case ast.Name(name) | ast.Attribute(attr=name):
            return [name]
        case ast.keyword(arg=str(name)):
            return [name]
        case _:
            return []


def remembered(package: Path, tests: Path, memory: Path) -> Atlas | None:
    """Return the last survey, if nothing has changed since."""
    if not memory.exists():
        return None
    told = json.loads(memory.read_text())
    if told["of"] != _fingerprint(package, tests):
        return None
    order = told["tests"]
    lines = {
        name: {int(line): {order[i] for i in ran} for line, ran in there.items()}
        for name, there in told["lines"].items()
    }
    mentions = {name: {order[i] for i in ran} for name, ran in told["mentions"].items()}
    imported = {name: set(there) for name, there in told["imported"].items()}
    return Atlas(told["took_s"], lines, imported, mentions)


def remember(atlas: Atlas, package: Path, tests: Path, memory: Path) -> None:
    """Keep a survey for the next run."""
    order = sorted(atlas.took_s)
    number = {test: i for i, test in enumerate(order)}
    lines = {
        name: {line: sorted(number[t] for t in ran) for line, ran in there.items()}
        for name, there in atlas.lines.items()
    }
    mentions = {name: sorted(number[t] for t in ran) for name, ran in atlas.mentions.items()}
    memory.parent.mkdir(exist_ok=True)
    memory.write_text(
        json.dumps(
            {
                "of": _fingerprint(package, tests),
                "took_s": atlas.took_s,
                "tests": order,
                "lines": lines,
                "imported": {name: sorted(there) for name, there in atlas.imported.items()},
                "mentions": mentions,
            }
        )
    )


def _fingerprint(package: Path, tests: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted([*package.glob("*.py"), *tests.rglob("*.py")]):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()
