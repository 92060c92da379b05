"""The report of `hakeeper check --online`, for people and for programs."""

import textwrap
from collections.abc import Iterable, Iterator
from typing import Final

from hakeeper.doctor.examination import Report
from hakeeper.doctor.finding import Finding, Passed, Severity
from hakeeper.printable import printable

_WIDTH: Final = 100


def as_text(report: Report, *, odd: Iterable[str] = ()) -> str:
    """Return a line for each check that passed, then the findings, worst last, then the verdict."""
    lines = [
        f"ok       {name}: {said.text}" for name, said in report.said if isinstance(said, Passed)
    ]
    lines += [f"warning  {text}" for text in odd]
    for severity in (Severity.WARNING, Severity.ERROR):
        for name, finding in report.findings(severity):
            lines += ["", *_finding(name, finding)]
    return "\n".join(map(printable, [*lines, "", _verdict(report), ""]))


def _finding(name: str, finding: Finding) -> Iterator[str]:
    mark = {Severity.ERROR: "ERROR", Severity.WARNING: "warning"}[finding.severity]
    place = "" if finding.place is None else f"{finding.place}: "
    yield from _wrapped(f"{mark:<7}  {name}: ", f"{place}{finding.what}")
    yield from _wrapped("         why: ", finding.why)
    # Not wrapped: it is there to be copied.
    yield f"         do:  {finding.cure}"


def _wrapped(head: str, text: str) -> list[str]:
    return textwrap.wrap(
        head + text,
        _WIDTH,
        subsequent_indent=" " * 14,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _verdict(report: Report) -> str:
    errors, warnings = (
        len(report.findings(severity)) for severity in (Severity.ERROR, Severity.WARNING)
    )
    counted = f"{_count(errors, 'error')}, {_count(warnings, 'warning')}"
    if report.is_ready:
        return f"A failover to this server would work ({counted})."
    return f"A failover to this server would NOT work ({counted})."


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")


def as_json(report: Report) -> dict[str, object]:
    """Return the report as plain values."""
    return {
        "ready": report.is_ready,
        "findings": [
            {
                "severity": said.severity.value,
                "check": name,
                "file": None if said.place is None else said.place.file,
                "line": None if said.place is None else said.place.line,
                "what": said.what,
                "why": said.why,
                "cure": said.cure,
            }
            for name, said in report.said
            if isinstance(said, Finding)
        ],
        "passed": [
            {"check": name, "text": said.text}
            for name, said in report.said
            if isinstance(said, Passed)
        ],
    }
