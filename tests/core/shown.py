"""Problems as people read them."""

from dataclasses import dataclass

from hakeeper.adapters.problem_texts import told
from hakeeper.core import find_problems
from hakeeper.core.problems import Health
from hakeeper.core.snapshot import ProblemPicture
from hakeeper.core.state import State


@dataclass(frozen=True, slots=True)
class Shown:
    """One problem with its sentences."""

    health: Health
    code: str
    what: str
    cause: str
    cure: str
    since_s: float | None


def problems(state: State, now: float) -> tuple[Shown, ...]:
    """Return what is wrong, with the sentences for it."""
    found = find_problems.problems(state, now)
    texts = [told(problem.trouble) for problem in found]
    return tuple(
        Shown(problem.health, problem.code, text.what, text.cause, text.cure, problem.since_s)
        for problem, text in zip(found, texts, strict=True)
    )


def what_is(problem: ProblemPicture) -> str:
    """Return what `hakeeper status` says of a problem."""
    return told(problem.trouble).what


def cause_of(problem: ProblemPicture) -> str:
    """Return what `hakeeper status` names as its cause."""
    return told(problem.trouble).cause
