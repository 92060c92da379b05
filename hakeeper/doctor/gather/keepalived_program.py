"""The keepalived program: its version, its `--config-test`, and what its parser finds in a file.

The test reports mistakes. What keepalived's parser *finds* is learned by a trick that changes
nothing: a file in memory first defines a FIFO and our instance names, and then includes the real
file. For each of them that the real file defines as well, keepalived reports a duplicate, with
place and value, after all includes, conditions and parameters.
"""

import contextlib
import os
import re
import shutil
import signal
import stat
import subprocess
from collections.abc import Collection, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Final

from hakeeper.adapters.keepalived.processes import program_of
from hakeeper.core.model import VrrpId, VrrpKind
from hakeeper.doctor.finding import Place
from hakeeper.doctor.keepalived_facts import ConfigTest, KeepalivedsReading, Version

REMARKS_LIMIT: Final = 2000
"""Far more than anybody reads: what ends keepalived may be the last thing that it says."""
REMARK_LENGTH: Final = 400
TEST_TIMEOUT_S: Final = 30.0
"""Without `router_id` keepalived resolves the host's name first; a dead resolver takes 10 s."""
_VERSION_TIMEOUT_S: Final = 10.0
_VERSION: Final = re.compile(r"Keepalived v(\d+)\.(\d+)\.(\d+)")
_ENDED_BY_OTHERS: Final = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGSYS)
_PLACE: Final = r"^\((?:(?P<file>\S+): )?Line (?P<line>\d{1,9})\) "
_FIFO_THERE: Final = re.compile(
    _PLACE + r"vrrp_notify_fifo already specified - ignoring (?P<path>.+)$", re.MULTILINE
)
_INSTANCE_THERE: Final = re.compile(
    _PLACE + r"vrrp instance (?P<name>.+) already defined$", re.MULTILINE
)
_STOPPED: Final = "*** Configuration line"
"""What keepalived says of the line at which it stops reading; what follows is unknown."""
_PLAIN_NAME: Final = re.compile(r"[^\s\"'{}#!$@~\\]{1,200}")
"""Names without special characters, which keepalived reads the same everywhere."""


_INSTEAD_OF_HOST_NAME: Final = ("router_id", "smtp_helo_name", "notification_email_from")
"""What keepalived makes of the host's name if it is missing; a dead resolver takes seconds."""
_ALONE_LIMIT: Final = 8
"""How many names are looked for alone."""
_PLACES: Final = "/usr/sbin:/usr/local/sbin:/sbin"


def find_program(pid: int | None = None) -> str | None:
    """Return the path of keepalived: the program of process `pid`, else the installed one.

    $PATH comes last, since it often lacks sbin. Root does not use it: whoever can set it could
    make root run any program.
    """
    running = None if pid is None else program_of(pid)
    if running is not None and os.access(running, os.X_OK):
        return str(running)
    path = _PLACES if os.geteuid() == 0 else f"{_PLACES}:{os.environ.get('PATH', os.defpath)}"
    return shutil.which("keepalived", path=path)


def only_root_can_change(path: Path) -> bool:
    """Say whether only root can change or replace a file."""
    real = Path(os.path.realpath(path))
    try:
        return all(_is_closed(one.stat()) for one in (real, *real.parents))
    except OSError:
        return False


def _is_closed(found: os.stat_result) -> bool:
    sticky = stat.S_ISDIR(found.st_mode) and found.st_mode & stat.S_ISVTX
    return found.st_uid == 0 and (bool(sticky) or not found.st_mode & 0o022)


def version_of(program: str) -> Version | str:
    """Return the program's version, or what it says in place of one; "": no answer."""
    done = _run([program, "--version"], timeout_s=_VERSION_TIMEOUT_S)
    said = "" if done is None else done.stdout + done.stderr
    found = _VERSION.search(said)
    if found is not None:
        return int(found[1]), int(found[2]), int(found[3])
    return next((line.strip()[:REMARK_LENGTH] for line in said.splitlines() if line.strip()), "")


def config_test(program: str, path: Path, config_id: str | None) -> ConfigTest | None:
    """Run keepalived's own test of the file; None: it could not be run, or took too long."""
    done = _run(_test_argv(program, str(path), config_id))
    if done is None:
        return None
    by_root = os.geteuid() == 0
    if done.returncode < 0:
        number = signal.Signals(-done.returncode)
        # Killed from outside or by the sandbox, which says nothing about the file.
        return None if number in _ENDED_BY_OTHERS else ConfigTest(died_of=number.name)
    lines = [line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    remarks = tuple(dict.fromkeys(line[:REMARK_LENGTH] for line in lines))[:REMARKS_LIMIT]
    return ConfigTest(code=done.returncode, remarks=remarks, by_root=by_root)


def parse_with_keepalived(
    program: str,
    path: Path,
    config_id: str | None,
    names: Collection[VrrpId],
    *,
    is_doubtful: bool = False,
) -> KeepalivedsReading | None:
    """Let keepalived's parser find these instances and the FIFO line; None: no answer.

    In a doubtful file, such as one whose braces do not match, it looks for each of them alone: what
    is defined twice it skips up to the brace that matches, and with it what it would have read.
    """
    if any(character in str(path) for character in "*?[{\n") or not path.is_absolute():
        return None
    asked = frozenset(
        one for one in names if one.kind is VrrpKind.INSTANCE and _PLAIN_NAME.fullmatch(one.name)
    )
    if not is_doubtful:
        return _asked(program, path, config_id, asked)
    found = _asked(program, path, config_id, frozenset())
    for one in sorted(asked, key=str)[:_ALONE_LIMIT]:
        if found is None or (alone := _asked(program, path, config_id, frozenset((one,)))) is None:
            return None
        found = replace(found, asked=found.asked | alone.asked, has=found.has | alone.has)
    return found


def _asked(
    program: str, path: Path, config_id: str | None, asked: frozenset[VrrpId]
) -> KeepalivedsReading | None:
    lines = [
        "global_defs {",
        "    vrrp_notify_fifo /nonexistent/hakeeper-asks root",
        *(f"    {word} hakeeper-asks" for word in _INSTEAD_OF_HOST_NAME),
        "}",
        *(f"vrrp_instance {one.name} {{\n}}" for one in sorted(asked, key=str)),
        f"include {path}",
    ]
    with contextlib.suppress(OSError), _in_memory("\n".join(lines) + "\n") as fd:
        argv = _test_argv(program, f"/proc/self/fd/{fd}", config_id)
        done = _run(argv, pass_fds=(fd,))
        text = "" if done is None else done.stdout + done.stderr
        if done is not None and done.returncode >= 0 and _STOPPED not in text:
            return read_answer(text, asked)
    return None


def read_answer(text: str, asked: frozenset[VrrpId]) -> KeepalivedsReading:
    """Read from keepalived's messages about duplicates what the file defines."""
    fifo = _FIFO_THERE.search(text)
    found = {match["name"] for match in _INSTANCE_THERE.finditer(text)}
    return KeepalivedsReading(
        fifo=None if fifo is None else fifo["path"],
        fifo_place=None
        if fifo is None or fifo["file"] is None
        else Place(fifo["file"], int(fifo["line"])),
        asked=asked,
        has=frozenset(one for one in asked if one.name in found),
    )


class _in_memory:  # noqa: N801  # used like a function
    """A file in memory that is not executable, since keepalived reads no executable file."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __enter__(self) -> int:
        self._fd = os.memfd_create("hakeeper-asks", os.MFD_CLOEXEC)
        os.fchmod(self._fd, 0o600)
        os.write(self._fd, self._text.encode())
        return self._fd

    def __exit__(self, *_: object) -> None:
        os.close(self._fd)


def _test_argv(program: str, path: str, config_id: str | None) -> list[str]:
    chosen = [] if config_id is None else ["--config-id", config_id]
    return [program, "--config-test", "--use-file", path, *chosen]


def _run(
    argv: list[str], *, timeout_s: float | None = None, pass_fds: Iterable[int] = ()
) -> "subprocess.CompletedProcess[str] | None":
    try:
        return subprocess.run(  # noqa: S603  # keepalived's own program, without a shell
            argv,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout_s or TEST_TIMEOUT_S,
            check=False,
            pass_fds=tuple(pass_fds),
            env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"},
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
