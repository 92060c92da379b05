"""`python -m tests.soak`: soak real keepalived and real hakeeper, and tell the figures.

Exit codes: 0 no violation, 1 a violation, 69 no lab possible here, 128 + signal when interrupted.
"""

import argparse
import datetime as dt
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from random import SystemRandom

from hakeeper.demo.cloud import SimCloud
from hakeeper.demo.interrupts import Interrupted, Interrupts
from hakeeper.demo.lab import Lab
from tests.soak import report
from tests.soak.run import Soak, Tally, Violation
from tests.soak.settings import FAST, PROFILES, SoakSettings

_OK, _VIOLATED, _NO_LAB = 0, 1, 69
_TELL_EVERY_ROUNDS = 10


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--hours", type=float, help="how long; default 0.5, or --failovers alone")
    parser.add_argument("--failovers", type=int, help="stop after so many")
    parser.add_argument("--seed", type=int, help="default: a new one, which is printed")
    parser.add_argument("--nodes", type=int, choices=(2, 3), default=2)
    parser.add_argument("--profile", choices=sorted(PROFILES), default=FAST.name)
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    parser.add_argument(
        "--logs", type=Path, help="keep the logs of a violation there; default: a new folder"
    )
    return parser


def _settings(given: argparse.Namespace) -> SoakSettings:
    hours = given.hours
    if hours is None and given.failovers is None:
        hours = 0.5
    return SoakSettings(
        seed=SystemRandom().randrange(10**6) if given.seed is None else given.seed,
        nodes=given.nodes,
        profile=PROFILES[given.profile],
        duration_s=None if hours is None else hours * 3600.0,
        failovers=given.failovers,
    )


def _say(words: str) -> None:
    sys.stdout.write(words + "\n")
    sys.stdout.flush()


def _tell(tally: Tally) -> None:
    if tally.rounds % _TELL_EVERY_ROUNDS == 0:
        _say(f"{tally.rounds} rounds, {tally.failovers} failovers, no violation")


def main(arguments: Sequence[str] | None = None) -> int:
    """Soak, and return the exit code."""
    given = _parser().parse_args(arguments)
    reason = Lab.available()
    if reason is not None:
        sys.stderr.write(f"no lab with real keepalived here: {reason}\n")
        return _NO_LAB
    settings = _settings(given)
    _say(f"seed {settings.seed}: {settings.command()}")
    with Interrupts() as interrupts:
        try:
            return _soak(settings, given, interrupts)
        except Interrupted:
            return interrupts.exit_code


def _soak(settings: SoakSettings, given: argparse.Namespace, interrupts: Interrupts) -> int:
    began, began_s = dt.datetime.now(dt.UTC), time.monotonic()
    with SimCloud() as cloud, Lab(settings.lab(), cloud) as lab:
        soak = Soak(lab, cloud, settings, check=interrupts.check, tell=_tell)
        violation: Violation | None = None
        try:
            soak.run()
        except Violation as found:
            violation = found
            _show(found, settings, _keep_logs(lab, cloud, given.logs, found))
        finally:
            frame = report.Frame(
                settings=settings,
                began=began,
                lasted_s=time.monotonic() - began_s,
                violation=None if violation is None else str(violation),
            )
            _say(report.text(frame, soak))
            if given.json is not None:
                given.json.write_text(json.dumps(report.document(frame, soak), indent=2) + "\n")
    return _OK if violation is None else _VIOLATED


def _show(violation: Violation, settings: SoakSettings, logs: Path) -> None:
    _say(f"\nVIOLATION in {violation}\n\n{violation.story}\n")
    _say(f"logs: {logs}\nto repeat: {settings.command()}\n")


def _keep_logs(lab: Lab, cloud: SimCloud, wanted: Path | None, violation: Violation) -> Path:
    """Copy what explains a violation; tokens and pipes stay behind."""
    folder = wanted or Path(tempfile.mkdtemp(prefix="hakeeper-soak-"))
    for node in lab.nodes:
        there = folder / node.name
        there.mkdir(parents=True, exist_ok=True)
        for pattern in ("*.log", "*.conf", "*.yaml"):
            for path in node.folder.glob(pattern):
                shutil.copy(path, there)
    (folder / "story.txt").write_text(f"{violation}\n\n{violation.story}\n")
    requests = [
        f"{one.received_s:.3f} {one.answered_s} {one.client} {one.method} {one.path} {one.status} "
        f"{one.body} fault={one.fault}"
        for one in cloud.requests()
    ]
    (folder / "requests.txt").write_text("\n".join(requests) + "\n")
    return folder


if __name__ == "__main__":
    sys.exit(main())
