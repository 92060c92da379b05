"""Where the fuzzer keeps what it makes (in a folder that git ignores), and how it speaks."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
KEPT = ROOT / ".fuzz"


def folder(kind: str, target: str) -> Path:
    """Return `.fuzz/KIND/TARGET`, made if it is missing."""
    path = KEPT / kind / target
    path.mkdir(parents=True, exist_ok=True)
    return path


def replay_command(target: str, finding: Path) -> str:
    """Return what to type to see a finding again, from the top of the repository."""
    shown = finding.relative_to(ROOT) if finding.is_relative_to(ROOT) else finding
    return f".venv/bin/python -m tests.fuzz.replay {target} {shown}"


def say(text: str) -> None:
    """Print a line now: a campaign is watched while it runs."""
    print(text, flush=True)  # noqa: T201 - a program for the terminal
