"""What earlier runs found, module by module, so that a run can go on where another one ended."""

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from tests.mutation.mutants import Mutant
from tests.mutation.trial import Verdict


class Ledger:
    """The verdicts of each module, in the order of its mutants; kept in a file."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._found: dict[str, list[tuple[str, Verdict]]] = {}
        if place.exists():
            for module, verdicts in json.loads(place.read_text()).items():
                self._found[module] = [(diff, Verdict(word)) for diff, word in verdicts]

    def noticed(self, module: str) -> dict[str, Verdict]:
        """Return the diffs that were noticed, each time if there are several that read the same."""
        verdicts = self._found.get(module, [])
        survived = {diff for diff, verdict in verdicts if verdict is Verdict.SURVIVED}
        return {diff: verdict for diff, verdict in verdicts if diff not in survived}

    def enter(self, module: str, verdicts: Iterable[tuple[Mutant, Verdict]]) -> None:
        """Replace what was known of a module."""
        ordered = sorted(verdicts, key=lambda entry: (entry[0].span.start, entry[0].text))
        self._found[module] = [(mutant.diff(), verdict) for mutant, verdict in ordered]
        words = {
            name: [(diff, verdict.value) for diff, verdict in there]
            for name, there in self._found.items()
        }
        self._place.write_text(json.dumps(words))

    def forget_all_but(self, modules: Iterable[str]) -> None:
        """Drop what is told of modules that are gone."""
        kept = set(modules)
        self._found = {name: there for name, there in self._found.items() if name in kept}

    def survivors(self) -> list[str]:
        """Return the diffs of all survivors, by module and line."""
        return [
            diff
            for module in sorted(self._found)
            for diff, verdict in self._found[module]
            if verdict is Verdict.SURVIVED
        ]

    def share_noticed(self) -> float:
        """Return the percentage that was noticed, over all modules."""
        verdicts = [verdict for there in self._found.values() for _, verdict in there]
        noticed = sum(verdict is not Verdict.SURVIVED for verdict in verdicts)
        return 100.0 * noticed / max(1, len(verdicts))

    def table(self) -> list[str]:
        """Return the totals as a table in Markdown."""
        counts = {
            module: Counter(verdict for _, verdict in there)
            for module, there in sorted(self._found.items())
            if there
        }
        counts["all"] = sum(counts.values(), Counter[Verdict]())
        lines = [
            "| module | mutants | killed | timeouts | survived | noticed |",
            "|---|---:|---:|---:|---:|---:|",
        ]
        for name, count in counts.items():
            killed, timeouts, survived = (count[verdict] for verdict in Verdict)
            total = killed + timeouts + survived
            share = f"{100.0 * (killed + timeouts) / max(1, total):.1f} %"
            lines.append(f"| {name} | {total} | {killed} | {timeouts} | {survived} | {share} |")
        return lines
