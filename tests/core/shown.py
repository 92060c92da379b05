"""What people read of a problem."""

from hakeeper.adapters.problem_texts import told
from hakeeper.diagnosis.snapshot import ProblemPicture


def what_is(problem: ProblemPicture) -> str:
    """Return what `hakeeper status` says of a problem."""
    return told(problem.trouble).what


def cause_of(problem: ProblemPicture) -> str:
    """Return what `hakeeper status` names as its cause."""
    return told(problem.trouble).cause
