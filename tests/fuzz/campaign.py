"""Fuzz all targets, one after another: `python -m tests.fuzz.campaign [--seconds N] [TARGET…]`.

Everything is kept below `.fuzz/`: `corpus/` grows from run to run, `findings/` has the inputs that
failed, and `logs/` what libFuzzer said.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.fuzz.places import KEPT, ROOT, folder, replay_command, say
from tests.fuzz.targets import TARGETS

_HANG_S = 20
_MEMORY_MB = 2048
_GRACE_S = 120
"""After its time is over a process is given this long to end by itself."""
_NO_WORDS = '"\\x00"\n'
"""libFuzzer refuses a dictionary that is empty."""
_FINDING = re.compile(rb"Test unit written to (\S+)")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of fuzzing one target."""

    target: str
    took_s: float
    executions: int
    edges: int
    corpus: int
    finding: Path | None
    is_done: bool
    log: Path

    @property
    def ended_well(self) -> bool:
        """Whether libFuzzer came to its end; a process that never began proves nothing."""
        return self.finding is None and self.is_done


def fuzz(target: str, seconds: int, *, plant: str = "") -> Outcome:
    """Fuzz one target for so long, or until the first finding."""
    name = f"{target}-{plant}" if plant else target
    seeds, corpus, findings = (folder(kind, name) for kind in ("seeds", "corpus", "findings"))
    for index, seed in enumerate(TARGETS[target].seeds()):
        (seeds / f"{index:03}").write_bytes(seed)
    words = folder("words", name) / "dictionary"
    words.write_text(dictionary(TARGETS[target].words) or _NO_WORDS)
    log = folder("logs", name) / "last"
    command = [
        *(
            sys.executable,
            "-m",
            "tests.fuzz.engine",
            target,
            *(("--plant", plant) if plant else ()),
        ),
        *(f"-max_total_time={seconds}", f"-max_len={TARGETS[target].limit_bytes}"),
        *(f"-timeout={_HANG_S}", f"-rss_limit_mb={_MEMORY_MB}", "-print_final_stats=1"),
        f"-dict={words}",
        *(f"-artifact_prefix={findings}/", str(corpus), str(seeds)),
    ]
    begun_s = time.monotonic()
    # libFuzzer ends the process without any tidying up, so what it leaves is removed here.
    with tempfile.TemporaryDirectory(prefix="hakeeper-fuzz-") as scratch, log.open("wb") as output:
        subprocess.run(
            command,
            stdout=output,
            stderr=output,
            env=os.environ | {"PYTHONPATH": str(ROOT), "TMPDIR": scratch},
            cwd=KEPT,
            check=False,
            timeout=seconds + _GRACE_S,
        )
    return _outcome(target, time.monotonic() - begun_s, log, corpus)


def dictionary(words: str) -> str:
    """Write words in the form of libFuzzer's dictionaries."""
    quoted = (word.replace('"', '\\"') for word in words.split())
    return "".join(f'"{word}"\n' for word in quoted)


def _outcome(target: str, took_s: float, log: Path, corpus: Path) -> Outcome:
    said = log.read_bytes()
    finding = _FINDING.search(said)
    return Outcome(
        target=target,
        took_s=took_s,
        executions=_last_number(rb"(?m)^(?:stat::number_of_executed_units: |#)(\d+)", said),
        edges=_last_number(rb" cov: (\d+)", said),
        corpus=len(list(corpus.iterdir())),
        finding=Path(os.fsdecode(finding[1])) if finding else None,
        is_done=re.search(rb"(?m)^Done \d+ runs", said) is not None,
        log=log,
    )


def _last_number(pattern: bytes, said: bytes) -> int:
    found = re.findall(pattern, said)
    return int(found[-1]) if found else 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Fuzz, print a table, and fail if there was a finding."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.campaign", description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(TARGETS))
    options = parser.parse_args(arguments)
    say("target    seconds  executions  per s  branches  corpus")
    outcomes = [_told(fuzz(name, options.seconds)) for name in options.targets or TARGETS]
    return 0 if all(outcome.ended_well for outcome in outcomes) else 1


def _told(outcome: Outcome) -> Outcome:
    per_s = outcome.executions / outcome.took_s
    say(
        f"{outcome.target:8} {outcome.took_s:8.0f} {outcome.executions:11}"
        f" {per_s:6.0f} {outcome.edges:9} {outcome.corpus:7}",
    )
    if outcome.finding is not None:
        say(f"  FINDING; see it again with:\n  {replay_command(outcome.target, outcome.finding)}")
    elif not outcome.ended_well:
        say(f"  did not come to its end; see {outcome.log}")
    return outcome


if __name__ == "__main__":
    sys.exit(main())
