"""The line below every table: on what and when it was measured."""

import datetime as dt
import os
import platform
import re
import shutil
import subprocess
from pathlib import Path

_UNKNOWN = "none"


def _said(*argv: str) -> str:
    """Return what a program prints, on whichever stream; empty if it is not there."""
    if shutil.which(argv[0]) is None:
        return ""
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr if done.returncode == 0 else ""


def _first(pattern: str, text: str) -> str:
    found = re.search(pattern, text, re.MULTILINE)
    return _UNKNOWN if found is None else found.group(1).strip()


def _commit() -> str:
    here = str(Path(__file__).parent)
    commit = _said("git", "-C", here, "rev-parse", "--short", "HEAD").strip()
    changed = _said("git", "-C", here, "status", "--porcelain", "--untracked-files=no").strip()
    return (commit or _UNKNOWN) + (" with changes" if changed else "")


def describe() -> dict[str, str | int]:
    """Return the facts, by name."""
    return {
        "date": dt.datetime.now(dt.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": _commit(),
        "cores": os.cpu_count() or 0,
        "cpu": _first(r"^model name\s*:\s*(.*)$", Path("/proc/cpuinfo").read_text()),
        "system": _first(r'^PRETTY_NAME="(.*)"$', Path("/etc/os-release").read_text()),
        "kernel": platform.release().partition("-")[0],
        "python": platform.python_version(),
        "keepalived": _first(r"^Keepalived v(\S+)", _said("keepalived", "--version")),
        "hcloud-cli": _first(
            r"^(\S+)", _said("dpkg-query", "-W", "-f", "${Version}", "hcloud-cli")
        ),
        "curl": _first(r"^curl (\S+)", _said("curl", "--version")),
        "load": " ".join(f"{load:.1f}" for load in os.getloadavg()),
    }


def line(facts: dict[str, str | int]) -> str:
    """Return the facts as one sentence."""
    return (
        f"{facts['date']}, commit {facts['commit']}; {facts['cores']} cores ({facts['cpu']}), "
        f"{facts['system']}, Linux {facts['kernel']}, Python {facts['python']}, keepalived "
        f"{facts['keepalived']}, hcloud-cli {facts['hcloud-cli']}, curl {facts['curl']}; load "
        f"average before: {facts['load']}"
    )
