"""Puts new files into force: hakeeper first, which moves nothing until keepalived speaks to it."""

import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, TypeAlias

from hakeeper import exits
from hakeeper.setup.errors import SetupError
from hakeeper.setup.files import Placed, put_back
from hakeeper.setup.known import Places
from hakeeper.setup.plan import Plan

Step: TypeAlias = tuple[str, ...]
"""The arguments of systemctl."""

_WAY_BACK: Final[Mapping[Step, Step]] = {
    ("start", "hakeeper"): ("stop", "hakeeper"),
    ("enable", "keepalived"): ("disable", "keepalived"),
    ("restart", "keepalived"): ("stop", "keepalived"),
}
"""How a step is undone; all others are undone by the same step, with the old files."""
_TIMEOUT_S: Final = 120.0
"""Longer than a start may take; keepalived waits for its private address."""


def is_active(unit: str) -> bool:
    """Say whether systemd has the unit running."""
    return _run("is-active", "--quiet", unit).returncode == 0


def steps(
    plan: Plan, places: Places, *, is_hakeeper_active: bool, is_keepalived_running: bool
) -> Iterator[Step]:
    """Yield the arguments of systemctl, in the safe order. A running keepalived is only reloaded.

    A restart of hakeeper moves no address, and is the only way to give the service a new token.
    Before keepalived's start systemd reads its drop-ins, which an earlier run may have written.
    """
    if plan.file(places.drop_in) is not None or not is_keepalived_running:
        yield ("daemon-reload",)
    if not is_hakeeper_active:
        yield ("start", "hakeeper")
    elif plan.file(places.config) is not None or plan.file(places.token) is not None:
        yield ("restart", "hakeeper")
    if not is_keepalived_running:
        yield ("enable", "keepalived")
        yield ("restart", "keepalived")
    elif plan.file(places.keepalived_conf) is not None:
        yield ("reload", "keepalived")


def take(step: Step) -> None:
    """Run systemctl; raises SetupError."""
    done = _run(*step)
    if done.returncode != 0:
        said = " ".join((done.stdout + done.stderr).split()) or f"exit code {done.returncode}"
        raise SetupError(f"systemctl {' '.join(step)} failed: {said}", exits.SYSTEM)


def put_into_force(todo: Iterable[Step], placed: Sequence[Placed]) -> None:
    """Take the steps; if one fails, put back files and services, and raise SetupError."""
    taken: list[Step] = []
    try:
        for step in todo:
            taken.append(step)
            take(step)
    except SetupError as error:
        now = put_back(placed)
        failed = [trouble for step in reversed(taken) for trouble in _undone(step)]
        raise SetupError("; ".join((str(error), now, *failed)), exits.SYSTEM) from None


def _undone(step: Step) -> Iterator[str]:
    """Take the way back of a step; yield what is wrong."""
    try:
        take(_WAY_BACK.get(step, step))
    except SetupError as error:
        yield str(error)


def _run(*words: str) -> "subprocess.CompletedProcess[str]":
    argv = ["systemctl", *words]
    try:
        return subprocess.run(  # noqa: S603  # fixed words, without a shell
            argv,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return subprocess.CompletedProcess(argv, 1, "", str(error))
