"""Does `hakeeper run` listen, and what does it complain of that no finding explains?"""

from collections.abc import Iterator, Mapping
from typing import Final

from hakeeper.adapters.cures import cure_of
from hakeeper.core.model import VrrpId
from hakeeper.doctor.facts import DaemonProblem, Facts, Held
from hakeeper.doctor.finding import Finding, Passed, Place, Said, Severity, When, error, warning

_THE_API: Final = ("API", "token", "quota", "server", "floating IP")
_THE_LINES: Final = ("FIFO", "FIFO line", "FIFO reader", "keepalived", "role")
EXPLAINED_BY: Final[Mapping[str, tuple[str, ...]]] = {
    "api.unreachable": ("API", "token", "quota"),
    "api.unresolved": ("API",),
    "api.refused": _THE_API,
    "api.throttled": ("quota",),
    "quota.low": ("quota",),
    "token.rejected": ("token",),
    "token.readonly": ("token",),
    "server.unidentified": ("server", "API", "token", "quota"),
    "fifo.missing": ("FIFO",),
    "fifo.not_a_fifo": ("FIFO",),
    "fifo.denied": ("FIFO",),
    "fifo.failed": ("FIFO",),
    "fifo.busy": ("FIFO reader",),
    "fifo.no_writer": ("FIFO", "FIFO line", "FIFO reader", "keepalived"),
    "keepalived.gone": ("keepalived",),
    "keepalived.stopped": ("keepalived",),
    "keepalived.unseen": ("keepalived",),
    "role.unknown": (*_THE_LINES, "instance"),
    "role.unheard": (*_THE_LINES, "instance"),
    "role.fault": ("role",),
    "role.stopped": ("role", "keepalived"),
    "vrrp_address.missing": ("private address",),
    "address.unresolved": ("floating IP", "API", "token"),
    "address.blocked": ("floating IP",),
    "address.pending": _THE_API,
}
"""For the code of a problem of the daemon: the checks whose findings are its cause."""

_NO_FAILOVER: Final = frozenset(
    (
        "fifo.missing",
        "fifo.not_a_fifo",
        "fifo.denied",
        "fifo.busy",
        "fifo.no_writer",
        "role.fault",
        "role.unheard",
        "token.rejected",
        "token.readonly",
    )
)
"""What is an error here even where it is no outage yet: a failover would not work, or be late."""


_MENDED_BY_A_START: Final = ("fifo.", "keepalived.", "role.")


def daemon(facts: Facts, before: tuple[tuple[str, Said], ...]) -> Iterator[Said]:
    """Say what is left of the daemon's problems after the findings of the other checks."""
    seen = facts.daemon
    if not seen.is_running:
        yield error(
            f"the daemon does not answer: {seen.detail}",
            why="nobody claims anything",
            cure=cure_of("hakeeper.gone"),
        )
        return
    if seen.is_busy:
        yield warning(
            f"the daemon cannot be asked: {seen.detail}",
            why="what it complains of is not known here",
            cure=cure_of("hakeeper.busy"),
        )
        return
    own = [*_configuration(facts)]
    found = [(name, one) for name, one in before if isinstance(one, Finding)]
    found += [("hakeeper", one) for one in own]
    left = [
        one for one in seen.problems if not is_explained(one, found) and not _is_outdone(one, facts)
    ]
    yield from own
    yield from (_told(one) for one in left)
    if not own and not left:
        is_well = not seen.problems and not any(one.severity is Severity.ERROR for _, one in found)
        yield Passed("runs, and has nothing to complain of" if is_well else "runs")


def _is_outdone(problem: DaemonProblem, facts: Facts) -> bool:
    """Say whether keepalived's descriptors show it otherwise, or the holding check says more.

    The daemon looks for a writer every few seconds.
    """
    shown = facts.keepalived.is_old_heard or facts.keepalived.held is Held.OURS
    return problem.code == "fifo.no_writer" and shown


def is_explained(problem: DaemonProblem, found: list[tuple[str, Finding]]) -> bool:
    """Say whether another finding, at least as bad, tells the cause of it."""
    causes = EXPLAINED_BY.get(problem.code, ())
    return any(
        name in causes and (one.severity is Severity.ERROR or not _is_error(problem))
        for name, one in found
    )


def _is_error(problem: DaemonProblem) -> bool:
    return problem.is_broken or problem.code in _NO_FAILOVER


def _told(problem: DaemonProblem) -> Finding:
    return (error if _is_error(problem) else warning)(
        f"the daemon says: {problem.text}",
        why="it is what the running service meets, whatever a check finds",
        cure=problem.cure or "hakeeper status; journalctl -u hakeeper -n 30",
        # Only what keepalived's next start may mend is of now alone.
        when=When.NOW if problem.code.startswith(_MENDED_BY_A_START) else When.ALWAYS,
    )


def _configuration(facts: Facts) -> Iterator[Finding]:
    follows = facts.daemon.follows
    wanted = {vrrp: tuple(map(str, refs)) for vrrp, refs in facts.config.config.resources.items()}
    if follows is not None and follows != wanted:
        yield error(
            f"the daemon runs with another configuration: {_shown(follows)}, and the file"
            f" says {_shown(wanted)}",
            why="what it was not told to follow it does not claim",
            cure="systemctl reload hakeeper",
            place=Place(facts.config.file),
            when=When.NOW,
        )


def _shown(follows: Mapping[VrrpId, tuple[str, ...]]) -> str:
    return "; ".join(f"{vrrp}: {', '.join(refs)}" for vrrp, refs in follows.items()) or "nothing"
