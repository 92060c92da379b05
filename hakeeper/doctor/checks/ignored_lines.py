"""Lines of keepalived.conf that keepalived silently ignores."""

from collections.abc import Iterable, Iterator

from hakeeper.doctor.conf.configuration import KeepalivedConf
from hakeeper.doctor.conf.records import Ignored
from hakeeper.doctor.facts import Facts
from hakeeper.doctor.finding import CheckResult, Finding, Severity, When, error, warning


def report_ignored(facts: Facts, before: Iterable[tuple[str, CheckResult]]) -> Iterator[Finding]:
    """Warn of ignored lines that no error has reported yet."""
    if facts.conf is None:
        return
    reported = {
        one.place
        for _, one in before
        if isinstance(one, Finding) and one.severity is Severity.ERROR
    }
    for one in facts.conf.ignored:
        if one.place not in reported:
            yield warning(
                one.what, why=one.why, cure=one.cure, place=one.place, when=When.NEXT_START
            )


def missing_because(what: str, cause: Ignored, when: When) -> Finding:
    """Make the error for something that is missing because keepalived ignores a line."""
    return error(
        f"{cause.what}, so {what}", why=cause.why, cure=cause.cure, place=cause.place, when=when
    )


def ignored_include(read: KeepalivedConf) -> Ignored | None:
    """Return an `include` that keepalived ignores; it may contain what is missing."""
    return next((one for one in read.ignored if one.is_include), None)
