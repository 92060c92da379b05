"""keepalived: its file, its program, its process, its word."""

import errno
import os
import re
import shutil
import socket
import subprocess
import time
from dataclasses import replace
from pathlib import Path
from typing import Final

from hakeeper.adapters.keepalived.bus import PATIENCE_S, SERVICE
from hakeeper.adapters.keepalived.link import BusError, CallError, Link
from hakeeper.adapters.keepalived.processes import Process, read_pid_file
from hakeeper.adapters.keepalived.roles import QueryError, RoleReader
from hakeeper.config import Config, StateSource
from hakeeper.core.model import Role
from hakeeper.doctor.conf.lines import Reader
from hakeeper.doctor.conf.meaning import KeepalivedConf, read_meaning
from hakeeper.doctor.conf.options import Options
from hakeeper.doctor.conf.syntax import read_syntax
from hakeeper.doctor.facts import ConfUnreadable, KeepalivedFacts, Version
from hakeeper.doctor.gather.commandline import options_of
from hakeeper.doctor.gather.files import conf_files

COMPLAINTS_LIMIT: Final = 20
_PROGRAM_TIMEOUT_S: Final = 10.0
_VERSION: Final = re.compile(r"Keepalived v(\d+)\.(\d+)\.(\d+)")


def keepalived_facts(config: Config, conf_path: Path | None) -> KeepalivedFacts:
    """Look at everything; `conf_path` None: what keepalived was started with, else the usual."""
    pid = _running(str(config.keepalived.pid_file))
    options = None if pid is None else options_of(pid)
    given = options or Options()
    path = conf_path or Path(given.file)
    config_id = given.config_id or os.uname().nodename.partition(".")[0]
    conf = read_conf(path, config_id)
    program = find_program()
    roles, reason = _ask(config, pid)
    can_test = isinstance(conf, KeepalivedConf) and _has_netlink()
    return KeepalivedFacts(
        conf=conf,
        version=None if program is None else _version(program),
        pid=pid,
        roles=roles,
        roles_reason=reason,
        complaints=_complaints(program, path, given.config_id) if program and can_test else None,
        config_id=config_id,
        is_config_id_sure=options is not None,
    )


# --- the file ------------------------------------------------------------------------------------


def read_conf(path: Path, config_id: str) -> KeepalivedConf | ConfUnreadable:
    """Read it with all that it includes."""
    reader = Reader(conf_files(), config_id)
    try:
        syntax = read_syntax(reader.lines(str(path)))
    except OSError as error:
        denied = error.errno in (errno.EACCES, errno.EPERM)
        return ConfUnreadable(str(path), error.strerror or str(error), is_denied=denied)
    meaning = read_meaning(str(path), syntax, reader.unread, reader.conditions, reader.ignored)
    return replace(meaning, files=tuple(reader.read_files))


# --- the program -------------------------------------------------------------------------------


def find_program() -> str | None:
    """Return the path of keepalived; sbin is not on everybody's PATH."""
    path = os.environ.get("PATH", os.defpath) + ":/usr/sbin:/usr/local/sbin"
    return shutil.which("keepalived", path=path)


def _run(argv: list[str]) -> "subprocess.CompletedProcess[str] | None":
    try:
        return subprocess.run(  # noqa: S603  # keepalived's own program, and no shell
            argv,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_PROGRAM_TIMEOUT_S,
            check=False,
            env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"},
        )
    except (OSError, subprocess.TimeoutExpired):
        return None


def _version(program: str) -> Version | None:
    done = _run([program, "--version"])
    found = None if done is None else _VERSION.search(done.stdout + done.stderr)
    return None if found is None else (int(found[1]), int(found[2]), int(found[3]))


def _has_netlink() -> bool:
    """Say whether the sandbox lets a program look at interfaces as keepalived does."""
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW):
            return True
    except OSError:
        return False


def _complaints(program: str, path: Path, config_id: str | None) -> tuple[str, ...] | None:
    """Have keepalived test the file; None if it cannot be asked (it ends by a signal).

    What it says of scripts counts only for root: nobody else could run them as root, so it calls
    them insecure.
    """
    chosen = [] if config_id is None else ["--config-id", config_id]
    done = _run([program, "--config-test", "--use-file", str(path), *chosen])
    if done is None or done.returncode < 0:
        return None
    if done.returncode == 0:
        return ()
    lines = [line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    told = tuple(dict.fromkeys(lines))[:COMPLAINTS_LIMIT]
    if os.geteuid() != 0:
        return tuple(line for line in told if "script" not in line)
    return told or (f"the file is not good (code {done.returncode})",)


# --- the process ---------------------------------------------------------------------------------


def _running(pid_file: str) -> int | None:
    pid = read_pid_file(pid_file)
    process = None if pid is None else Process.hold(pid, boot="")
    if process is None:
        return None
    try:
        return process.pid if process.is_keepalived() else None
    finally:
        process.close()


def _ask(config: Config, pid: int | None) -> tuple[dict[str, Role] | None, str]:
    """Ask over D-Bus for the roles; a reason where there is no answer."""
    if pid is None or config.keepalived.state is StateSource.NONE:
        return None, "it was not asked"
    deadline_s = time.monotonic() + 2 * PATIENCE_S
    try:
        link = Link.open(None, SERVICE, deadline_s)
    except (BusError, CallError) as error:
        return None, str(error)
    try:
        return RoleReader().read(link, deadline_s), ""
    except (BusError, CallError, QueryError) as error:
        return None, str(error)
    finally:
        link.close()
