"""The daemon (`hakeeper run`): does it answer, and has it problems that no finding explains?"""

from collections.abc import Iterator, Mapping
from typing import Final

from hakeeper.adapters.cures import THIS_CHECK, cure_of
from hakeeper.core.model import VrrpId
from hakeeper.doctor.facts import DaemonProblem, Facts
from hakeeper.doctor.finding import (
    CheckResult,
    Finding,
    Passed,
    Place,
    Severity,
    When,
    error,
    warning,
)
from hakeeper.doctor.keepalived_facts import Held
from hakeeper.kinds import ALIAS_IPS, KINDS

_MOVED: Final = tuple(kind.noun for kind in KINDS.values())
"""The checks of what is moved, one for each kind."""
_ROBOT: Final = ("Robot", "Robot login", "Robot budget", "Robot server")
_THE_API: Final = ("API", "token", "quota", "server", *_ROBOT, *_MOVED)
_THE_LINES: Final = ("FIFO", "FIFO line", "FIFO reader", "keepalived", "role")
EXPLAINED_BY: Final[Mapping[str, tuple[str, ...]]] = {
    "api.unreachable": ("API", "token", "quota", *_ROBOT),
    "api.unresolved": ("API", "Robot"),
    "api.refused": _THE_API,
    "api.throttled": ("quota", "Robot budget"),
    "quota.low": ("quota",),
    "token.rejected": ("token",),
    "token.readonly": ("token",),
    "login.rejected": ("Robot login",),
    "server.unidentified": ("server", "API", "token", "quota", "Robot server"),
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
    "address.unresolved": (*_MOVED, "API", "token", "Robot", "Robot login"),
    "address.blocked": _MOVED,
    "selector.empty": _MOVED,
    "address.chosen_twice": _MOVED,
    "address.nowhere": (ALIAS_IPS.noun,),
    "address.pending": _THE_API,
}
"""For each of the daemon's problem codes: the checks whose findings explain it."""

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
        "login.rejected",
        "hakeeper.paused",
    )
)
"""Problems that are errors even before there is an outage: a failover would fail or be late."""


_THE_LOGS: Final = "journalctl -u keepalived -n 30; journalctl -u hakeeper -n 30"
_FIXED_BY_KEEPALIVED_START: Final = ("fifo.", "keepalived.", "role.")


def daemon(facts: Facts, before: tuple[tuple[str, CheckResult], ...]) -> Iterator[CheckResult]:
    """Report those of the daemon's problems that the findings of other checks do not explain."""
    seen = facts.daemon
    if seen.is_denied:
        yield warning(
            f"the daemon cannot be asked: {seen.detail}",
            why="this check does not know which problems it has",
            cure=cure_of("hakeeper.denied"),
        )
        return
    if not seen.is_running:
        yield error(
            f"the daemon does not answer: {seen.detail}",
            why="without it no address is claimed",
            cure=cure_of("hakeeper.silent" if seen.is_silent else "hakeeper.gone"),
        )
        return
    if seen.unreachable_cure:
        yield warning(
            seen.detail,
            why="this check does not know which problems it has",
            cure=seen.unreachable_cure,
        )
        return
    if seen.is_busy:
        yield warning(
            f"the daemon is too busy to answer: {seen.detail}",
            why="this check does not know which problems it has",
            cure=cure_of("hakeeper.busy"),
        )
        return
    own = [*_configuration(facts)]
    found = [(name, one) for name, one in before if isinstance(one, Finding)]
    found += [("hakeeper", one) for one in own]
    left = [
        one
        for one in seen.problems
        if not is_explained(one, found) and not _is_outdated(one, facts)
    ]
    yield from own
    yield from (_as_finding(one) for one in left)
    if not own and not left:
        is_ready_at = not seen.problems and not any(
            one.severity is Severity.ERROR for _, one in found
        )
        yield Passed("runs, without problems" if is_ready_at else "runs")


def _is_outdated(problem: DaemonProblem, facts: Facts) -> bool:
    """Say whether keepalived's open files refute the problem, or another check knows more.

    The daemon looks for a writer only every few seconds.
    """
    has_writer = facts.keepalived.reads_replaced_fifo or facts.keepalived.held is Held.OURS
    return problem.code == "fifo.no_writer" and has_writer


def is_explained(problem: DaemonProblem, found: list[tuple[str, Finding]]) -> bool:
    """Say whether another finding of at least the same severity explains the problem."""
    causes = EXPLAINED_BY.get(problem.code, ())
    return any(
        name in causes and (one.severity is Severity.ERROR or not _is_error(problem))
        for name, one in found
    )


def _is_error(problem: DaemonProblem) -> bool:
    return problem.is_broken or problem.code in _NO_FAILOVER


def _as_finding(problem: DaemonProblem) -> Finding:
    return (error if _is_error(problem) else warning)(
        f"the daemon reports: {problem.text}",
        why="the running service has this problem, although no check here finds a cause",
        cure=_way_out(problem.cure),
        # A problem that keepalived's next start may fix concerns the running keepalived only.
        when=When.NOW if problem.code.startswith(_FIXED_BY_KEEPALIVED_START) else When.ALWAYS,
    )


def _way_out(cure: str) -> str:
    """Return the daemon's own way out, unless that is this check, which has just found nothing."""
    if cure.startswith(THIS_CHECK):
        return _THE_LOGS
    return cure or "hakeeper status; journalctl -u hakeeper -n 30"


def _configuration(facts: Facts) -> Iterator[Finding]:
    follows = facts.daemon.follows
    wanted = {vrrp: tuple(map(str, refs)) for vrrp, refs in facts.config.config.resources.items()}
    if follows is not None and _sets(follows) != _sets(wanted):
        yield error(
            f"the daemon runs with another configuration: {_shown(follows)}; the file"
            f" has {_shown(wanted)}",
            why="the daemon claims only the addresses of the configuration that it has loaded",
            cure="systemctl reload hakeeper",
            place=Place(facts.config.file),
            when=When.NOW,
        )


def _sets(follows: Mapping[VrrpId, tuple[str, ...]]) -> dict[VrrpId, frozenset[str]]:
    return {vrrp: frozenset(refs) for vrrp, refs in follows.items()}


def _shown(follows: Mapping[VrrpId, tuple[str, ...]]) -> str:
    return "; ".join(f"{vrrp}: {', '.join(refs)}" for vrrp, refs in follows.items()) or "nothing"
