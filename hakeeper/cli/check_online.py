"""The report of `hakeeper check --online`, for people and for programs."""

import textwrap
from collections.abc import Iterable, Iterator
from typing import Final

from hakeeper.doctor.examination import Report
from hakeeper.doctor.finding import Finding, Passed, Severity, When
from hakeeper.printable import cure_lines, printable

WIDTH: Final = 80
_WHEN: Final = {
    When.ALWAYS: "always",
    When.NOW: "now",
    When.NEXT_START: "after_restart",
}


def as_text(report: Report, *, file_warnings: Iterable[str] = ()) -> str:
    """Return what passed, then the findings, worst last, then the verdict; 80 columns wide.

    Cures (`do:`) are not wrapped, so that they can be copied.
    """
    lines: list[str] = []
    for name, result in report.results:
        if isinstance(result, Passed):
            lines += _wrapped("ok       ", f"{name}: {result.text}")
    for text in file_warnings:
        lines += _wrapped("warning  ", text)
    for severity in (Severity.WARNING, Severity.ERROR):
        for name, finding in report.findings(severity):
            lines += ["", *finding_lines(name, finding)]
    return "\n".join(map(printable, [*lines, "", *_verdict(report), ""]))


def finding_lines(name: str, finding: Finding) -> Iterator[str]:
    """Return one finding: what is wrong, why it matters, what to do."""
    mark = {Severity.ERROR: "ERROR", Severity.WARNING: "warning"}[finding.severity]
    place = "" if finding.place is None else f"{finding.place}: "
    yield from _wrapped(f"{mark:<7}  ", f"{name}: {place}{finding.what}")
    yield from _wrapped("    why: ", finding.why)
    yield from cure_lines(finding.cure, "    do:  ", WIDTH)


def _wrapped(head: str, text: str) -> list[str]:
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=head,
        subsequent_indent=" " * len(head),
        break_on_hyphens=False,
    )


def _verdict(report: Report) -> Iterator[str]:
    errors, warnings = (
        len(report.findings(severity)) for severity in (Severity.ERROR, Severity.WARNING)
    )
    counted = f"({_count(errors, 'error')}, {_count(warnings, 'warning')})"
    now, later = report.is_ready_now, report.is_ready_after_restart
    if not report.has_keepalived:
        yield "keepalived does not run: no failover to this server."
        yield f"After its start a failover {_would(later)} {counted}."
    elif now is later and report.is_in_force:
        yield f"A failover to this server {_would(now)} {counted}."
    else:
        yield f"A failover to this server {_would(now)} now."
        yield from _wrapped(
            "", f"After keepalived's next start or reload it {_would(later)} {counted}."
        )
    for text in report.hidden:
        yield from _wrapped("", f"Not checked, only root can: {text}.")


def _would(works: bool) -> str:  # noqa: FBT001  # its only argument
    return "would work" if works else "would NOT work"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")


def as_json(report: Report) -> dict[str, object]:
    """Return the report as plain values."""
    return {
        "ready": report.is_ready,
        "ready_now": report.is_ready_now,
        "ready_after_restart": report.is_ready_after_restart,
        "in_force": report.is_in_force,
        "not_looked_at": list(report.hidden),
        "findings": [
            {
                "severity": result.severity.value,
                "when": _WHEN[result.when],
                "check": name,
                "file": None if result.place is None else result.place.file,
                "line": None if result.place is None else result.place.line,
                "what": result.what,
                "why": result.why,
                "cure": result.cure,
            }
            for name, result in report.results
            if isinstance(result, Finding)
        ],
        "passed": [
            {"check": name, "text": result.text}
            for name, result in report.results
            if isinstance(result, Passed)
        ],
    }
