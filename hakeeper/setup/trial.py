"""The judgement of keepalived and the doctor on the new files, before they are in place."""

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hakeeper import exits
from hakeeper.adapters.login import SERVICE_LOGIN
from hakeeper.adapters.token import SERVICE_TOKEN
from hakeeper.config import Config
from hakeeper.doctor.examination import Report, Subject, examine
from hakeeper.doctor.finding import Finding, Severity, When
from hakeeper.setup.errors import SetupError
from hakeeper.setup.files import ENCODING, beside, write_whole
from hakeeper.setup.known import Places
from hakeeper.setup.plan import NewFile, Plan

_DAEMON: Final = "hakeeper"
"""The doctor's check of the running daemon, which is started after the trial."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What the doctor needs besides the files."""

    read_token: Callable[[], str]
    redact: Callable[[str], str]
    environ: Mapping[str, str]
    control_socket: Path
    state_file: Path


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the doctor says of the new files."""

    report: Report
    renamed: Mapping[str, str]
    """The files that it has seen, and in whose place they will be."""

    @property
    def obstacles(self) -> tuple[tuple[str, Finding], ...]:
        """The errors for which a failover would not work once all runs with the new files."""
        return tuple(
            (name, one)
            for name, one in self.report.findings(Severity.ERROR)
            if one.when & When.NEXT_START and name != _DAEMON
        )

    def named(self, text: str) -> str:
        """Return a text with the files' own names."""
        for seen, real in self.renamed.items():
            text = text.replace(seen, real)
        return text


def judge_plan(plan: Plan, config: Config, places: Places, means: Means) -> Judgement:
    """Have the new files judged, beside the old ones; raises SetupError, and what `examine` does.

    Beside them, since relative includes count from there.
    """
    with contextlib.ExitStack() as stack:
        seen = {
            path: stack.enter_context(_tried(path, plan.file(path)))
            for path in (places.config, places.keepalived_conf)
        }
        report = examine(
            Subject(
                config=config,
                config_path=seen[places.config],
                token_source=f"file {places.token}",
                read_token=means.read_token,
                login_source="",
                read_login=str,
                redact=means.redact,
                environ=means.environ,
                keepalived_conf=seen[places.keepalived_conf],
                control_socket=means.control_socket,
                state_file=means.state_file,
                service_token=SERVICE_TOKEN,
                service_login=SERVICE_LOGIN,
            )
        )
    return Judgement(report, {str(one): str(path) for path, one in seen.items() if one != path})


@contextlib.contextmanager
def _tried(path: Path, new: NewFile | None) -> Iterator[Path]:
    """Have the new text in a file of its own for a while; one that stays is judged where it is."""
    if new is None:
        yield path
        return
    place = beside(Path(os.path.realpath(path)), "trial")
    try:
        write_whole(place, new.after.encode(*ENCODING), 0o600)
    except OSError as error:
        raise SetupError(
            f"{place}: cannot be written ({error.strerror}); nothing was changed", exits.SYSTEM
        ) from None
    try:
        yield place
    finally:
        with contextlib.suppress(OSError):
            place.unlink()
