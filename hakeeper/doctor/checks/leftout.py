"""What keepalived leaves out of its file without ending."""

from collections.abc import Iterable, Iterator

from hakeeper.doctor.conf.meaning import KeepalivedConf
from hakeeper.doctor.conf.records import Ignored
from hakeeper.doctor.facts import Facts
from hakeeper.doctor.finding import Finding, Said, Severity, When, error, warning


def left_out(facts: Facts, before: Iterable[tuple[str, Said]]) -> Iterator[Finding]:
    """Warn of what no error has told by its line."""
    if facts.conf is None:
        return
    told = {
        one.place
        for _, one in before
        if isinstance(one, Finding) and one.severity is Severity.ERROR
    }
    for one in facts.conf.ignored:
        if one.place not in told:
            yield warning(
                one.what, why=one.why, cure=one.cure, place=one.place, when=When.NEXT_START
            )


def missing_for(what: str, cause: Ignored, when: When) -> Finding:
    """Make the error of what is missing because of something that is left out."""
    return error(
        f"{cause.what}, and so {what}", why=cause.why, cure=cause.cure, place=cause.place, when=when
    )


def left_out_include(read: KeepalivedConf) -> Ignored | None:
    """Return an `include` that keepalived leaves out: what is missing may stand there."""
    return next((one for one in read.ignored if one.is_include), None)
