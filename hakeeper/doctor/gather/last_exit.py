"""How keepalived last exited, and whether its files have changed since."""

import shutil
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from hakeeper.adapters.keepalived.processes import read_stat

_SYSTEMD: Final = Path("/run/systemd/system")
_PLACES: Final = "/usr/bin:/bin"
"""Not $PATH: whoever can set it could make root run any program."""
_TIMEOUT_S: Final = 5.0
_WANTED: Final = "ExecMainCode,ExecMainStatus,ExecMainExitTimestampMonotonic"
_EXITED, _KILLED, _DUMPED = "1", "2", "3"
"""CLD_EXITED and so on, of sigaction(2)."""
_STOP_SIGNALS: Final = ("9", "15")


def changed_after_start(pid: int, files: Iterable[str]) -> bool:
    """Say whether a file was changed or moved there since a process started."""
    stat = read_stat(pid)
    if stat is None:
        return True
    return _changed_after(time.time() - stat.age_s(), files)


def last_failure(files: Iterable[str]) -> str:
    """Return how keepalived.service failed by itself with exactly these files, else ""."""
    systemctl = shutil.which("systemctl", path=_PLACES)
    if systemctl is None or not _SYSTEMD.is_dir():
        return ""
    try:
        done = subprocess.run(  # noqa: S603  # systemd's own program, without a shell
            [systemctl, "show", "keepalived.service", "--property", _WANTED],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    ended = read_end(done.stdout)
    if ended is None:
        return ""
    how, at_s = ended
    return "" if _changed_after(time.time() - time.monotonic() + at_s, files) else how


def read_end(text: str) -> tuple[str, float] | None:
    """Return how and when (monotonic clock) the main process failed; None: it did not fail."""
    properties = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    code, status, at = (properties.get(name, "") for name in _WANTED.split(","))
    if not at.isdecimal() or at == "0":
        return None
    if code == _EXITED and status not in {"", "0"}:
        return f"exit code {status}", int(at) / 1e6
    if code in {_KILLED, _DUMPED} and status not in _STOP_SIGNALS:
        return f"signal {status}", int(at) / 1e6
    return None


def _changed_after(at_s: float, files: Iterable[str]) -> bool:
    """Say whether a file was changed or put there; an unreadable one counts as changed."""
    try:
        return any(Path(file).stat().st_ctime > at_s for file in files)
    except OSError:
        return True
