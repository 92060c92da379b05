"""keepalived: its file, what its program makes of it, its processes, its word."""

import errno
import glob
import os
import socket
import time
from dataclasses import replace
from pathlib import Path
from typing import Final

from hakeeper.adapters.keepalived.bus import PATIENCE_S, SERVICE
from hakeeper.adapters.keepalived.link import BusError, CallError, Link
from hakeeper.adapters.keepalived.roles import QueryError, RoleReader
from hakeeper.adapters.smallfile import NotAFileError, read_small
from hakeeper.config import Config, StateSource
from hakeeper.core.model import Role
from hakeeper.doctor.conf.lines import Files, Reader
from hakeeper.doctor.conf.meaning import KeepalivedConf, read_meaning
from hakeeper.doctor.conf.syntax import read_syntax
from hakeeper.doctor.facts import ConfUnreadable, Held, KeepalivedFacts
from hakeeper.doctor.gather.processes import (
    by_pid_file,
    other_readers,
    settled,
    strays,
    vrrp_child,
)
from hakeeper.doctor.gather.program import (
    ask_what_it_reads,
    config_test,
    find_program,
    version_of,
)

DEFAULT_CONF: Final = Path("/etc/keepalived/keepalived.conf")
SIZE_LIMIT: Final = 4 << 20
_OPTIONS: Final = {"-f": "file", "--use-file": "file", "-i": "id", "--config-id": "id"}


def keepalived_facts(config: Config, conf_path: Path | None) -> KeepalivedFacts:
    """Look at everything; `conf_path` None: what keepalived was started with, else the usual."""
    pid_file = str(config.keepalived.pid_file)
    named = by_pid_file(pid_file)
    others = strays(named)
    pid = named or next(iter(others), None)
    child = None if pid is None else vrrp_child(pid, pid_file)
    options = None if pid is None else _options_of(pid)
    given = options or {}
    path = (conf_path or Path(given.get("file", DEFAULT_CONF))).absolute()
    config_id = given.get("id") or os.uname().nodename.partition(".")[0]
    conf = read_conf(path, config_id)
    program = find_program()
    roles, reason = _ask(config)
    fifo = config.keepalived.fifo
    held = None if pid is None or child is None else settled(pid, child, fifo)
    facts = KeepalivedFacts(
        conf=conf,
        version=None if program is None else version_of(program),
        pid=named,
        strays=others if named is None else (),
        child_pid=child,
        held=Held.UNKNOWN if held is None else held.held,
        other_fifos=() if held is None else held.others,
        other_readers=other_readers(fifo, pid, child),
        roles=roles,
        roles_reason=reason,
        test=None,
        config_id=config_id,
        is_config_id_sure=options is not None,
    )
    if program is None or not isinstance(conf, KeepalivedConf) or not _has_netlink():
        return facts
    return replace(
        facts,
        test=config_test(program, path, given.get("id")),
        reading=ask_what_it_reads(program, path, given.get("id"), config.addresses),
    )


# --- the file ------------------------------------------------------------------------------------


def read_conf(path: Path, config_id: str) -> KeepalivedConf | ConfUnreadable:
    """Read it with all that it includes."""
    reader = Reader(Files(read=_read, matching=_matching), config_id)
    try:
        syntax = read_syntax(reader.lines(str(path)))
    except OSError as error:
        denied = error.errno in (errno.EACCES, errno.EPERM)
        return ConfUnreadable(str(path), error.strerror or str(error), is_denied=denied)
    return read_meaning(str(path), syntax, reader.unread, reader.conditions)


def _read(path: str) -> str:
    try:
        data = read_small(Path(path), SIZE_LIMIT).data
    except NotAFileError as error:
        raise OSError(errno.EINVAL, str(error)) from None
    if len(data) > SIZE_LIMIT:
        raise OSError(errno.EFBIG, f"is larger than {SIZE_LIMIT >> 20} MiB")
    return data.decode("utf-8", "replace")


def _matching(pattern: str) -> list[str]:
    if "{" in pattern:
        raise OSError(errno.EINVAL, "braces in a file name are not expanded by this check")
    if not glob.has_magic(pattern):
        return [pattern]
    folder = Path(pattern).parent
    if not glob.has_magic(str(folder)):
        os.stat(folder)  # noqa: PTH116  # for its error
        if not os.access(folder, os.R_OK | os.X_OK, effective_ids=True):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    return sorted(glob.glob(pattern))  # noqa: PTH207  # an absolute pattern


def _has_netlink() -> bool:
    """Say whether the sandbox lets a program look at interfaces as keepalived does."""
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW):
            return True
    except OSError:
        return False


# --- the process ---------------------------------------------------------------------------------


def _options_of(pid: int) -> dict[str, str] | None:
    """Read `-f` and `-i` off its command line; None where /proc hides that from us."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return None
    found: dict[str, str] = {}
    for word, following in zip(words, [*words[1:], ""], strict=True):
        name, equals, value = word.partition("=")
        if name in _OPTIONS:
            found[_OPTIONS[name]] = value if equals else following
        elif word[:2] in _OPTIONS and not word.startswith("--"):
            found[_OPTIONS[word[:2]]] = word[2:]
    return found


def _ask(config: Config) -> tuple[dict[str, Role] | None, str]:
    """Ask over D-Bus for the roles; a reason where there is no answer."""
    if config.keepalived.state is StateSource.NONE:
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
