"""Facts about keepalived: its file, its own test of the file, its processes, its roles."""

import errno
import os
import socket
import time
from dataclasses import replace
from pathlib import Path

from hakeeper.adapters.keepalived.bus import PATIENCE_S, SERVICE
from hakeeper.adapters.keepalived.bus_connection import BusConnection, BusError, CallError
from hakeeper.adapters.keepalived.dbus_roles import QueryError, RoleReader
from hakeeper.config import Config, StateSource
from hakeeper.core.model import Role
from hakeeper.doctor.conf.configuration import KeepalivedConf, read_configuration
from hakeeper.doctor.conf.lines import Reader
from hakeeper.doctor.conf.options import Options
from hakeeper.doctor.conf.syntax import read_syntax
from hakeeper.doctor.gather.commandline import options_of
from hakeeper.doctor.gather.files import conf_files
from hakeeper.doctor.gather.keepalived_program import (
    config_test,
    find_program,
    only_root_can_change,
    parse_with_keepalived,
    version_of,
)
from hakeeper.doctor.gather.kernel import has_ipvs
from hakeeper.doctor.gather.last_exit import changed_after_start, last_failure
from hakeeper.doctor.gather.processes import (
    by_pid_file,
    other_readers,
    settled_descriptors,
    strays,
    vrrp_child,
)
from hakeeper.doctor.keepalived_facts import ConfUnreadable, Held, KeepalivedFacts


def keepalived_facts(config: Config, conf_path: Path | None) -> KeepalivedFacts:
    """Gather all; `conf_path` None: the file keepalived was started with, or the default one."""
    pid_file = str(config.keepalived.pid_file)
    named = by_pid_file(pid_file)
    others = strays(named)
    pid = named or next(iter(others), None)
    child = None if pid is None else vrrp_child(pid, pid_file)
    options = None if pid is None else options_of(pid)
    given = options or Options()
    in_force = Path(given.file).absolute()
    path = in_force if conf_path is None else conf_path.absolute()
    is_in_force = _is_same(path, in_force)
    config_id = given.config_id or os.uname().nodename.partition(".")[0]
    conf = read_conf(path, config_id)
    other_namespace = _other_network(
        given.namespace or (conf.net_namespace if isinstance(conf, KeepalivedConf) else None)
    )
    program = find_program(pid)
    version = None if program is None else version_of(program)
    roles, reason = _ask(config)
    fifo = config.keepalived.fifo
    held = None if pid is None or child is None else settled_descriptors(pid, child, fifo)
    files = conf.files if isinstance(conf, KeepalivedConf) else (conf.file,)
    facts = KeepalivedFacts(
        conf=conf,
        in_force="" if options is None else str(Path(options.file).absolute()),
        version=version if isinstance(version, tuple) else None,
        without_version=version if isinstance(version, str) else None,
        pid=named,
        strays=others if named is None else (),
        child_pid=child,
        held=Held.UNKNOWN if held is None else held.held,
        reads_replaced_fifo=False if held is None else held.reads_replaced_fifo,
        other_fifos=() if held is None else held.others,
        other_readers=other_readers(fifo, pid, child),
        roles=roles,
        roles_reason=reason,
        test=None,
        config_id=config_id,
        is_config_id_sure=options is not None,
        has_vrrp=given.has_vrrp,
        has_checkers=given.has_checkers,
        other_namespace=other_namespace,
        is_in_force=is_in_force,
        has_ipvs=has_ipvs(),
        last_failure=last_failure(files) if pid is None and roles is None and is_in_force else "",
        is_changed=pid is not None and is_in_force and changed_after_start(pid, files),
    )
    if program is None or not isinstance(conf, KeepalivedConf) or not _has_netlink():
        return facts
    if not isinstance(version, tuple):
        return facts  # it does nothing else either, and what it says would not be about the file
    if other_namespace and os.geteuid() != 0:
        return facts  # only root may enter it
    writable_file = next((file for file in conf.files if not only_root_can_change(Path(file))), "")
    if writable_file and os.geteuid() == 0:
        return replace(facts, writable_file=writable_file)
    return replace(
        facts,
        test=config_test(program, path, given.config_id),
        reading=parse_with_keepalived(
            program, path, given.config_id, config.resources, is_doubtful=bool(conf.unread)
        ),
    )


def conf_in_force(pid: int | None) -> KeepalivedConf | None:
    """Read the file that this keepalived was started with; None if that cannot be seen or read."""
    options = None if pid is None else options_of(pid)
    if options is None:
        return None
    config_id = options.config_id or os.uname().nodename.partition(".")[0]
    conf = read_conf(Path(options.file).absolute(), config_id)
    return conf if isinstance(conf, KeepalivedConf) else None


def _is_same(path: Path, other: Path) -> bool:
    try:
        return path.samefile(other)
    except OSError:  # one of them does not exist
        return os.path.realpath(path) == os.path.realpath(other)


# --- the file ------------------------------------------------------------------------------------


def read_conf(path: Path, config_id: str) -> KeepalivedConf | ConfUnreadable:
    """Read the file and all that it includes."""
    reader = Reader(conf_files(), config_id)
    try:
        syntax = read_syntax(reader.lines(str(path)))
    except OSError as error:
        denied = error.errno in (errno.EACCES, errno.EPERM)
        return ConfUnreadable(str(path), error.strerror or str(error), is_denied=denied)
    meaning = read_configuration(
        str(path), syntax, reader.unread, reader.conditions, reader.ignored
    )
    return replace(meaning, files=tuple(reader.read_files))


def _has_netlink() -> bool:
    """Say whether the sandbox allows netlink, which keepalived needs to see the interfaces."""
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW):
            return True
    except OSError:
        return False


def _other_network(name: str | None) -> str:
    """Return the name of a network namespace if it is not ours, else ""."""
    if name is None:
        return ""
    try:
        is_ours = os.path.samestat(os.stat(f"/run/netns/{name}"), os.stat("/proc/self/ns/net"))  # noqa: PTH116  # neither is a regular file
    except OSError:  # keepalived creates a missing one
        is_ours = False
    return "" if is_ours else name


# --- the process ---------------------------------------------------------------------------------


def _ask(config: Config) -> tuple[dict[str, Role] | None, str]:
    """Query the roles over D-Bus; without an answer, return the reason."""
    if config.keepalived.state is StateSource.NONE:
        return None, "it was not asked"
    deadline_s = time.monotonic() + 2 * PATIENCE_S
    try:
        link = BusConnection.open(None, SERVICE, deadline_s)
    except (BusError, CallError) as error:
        return None, str(error)
    try:
        return RoleReader().read(link, deadline_s), ""
    except (BusError, CallError, QueryError) as error:
        return None, str(error)
    finally:
        link.close()
