"""What is so on this machine, for the plan. Nothing is changed."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Final

from hakeeper import exits
from hakeeper.adapters.bounded_read import NotAFileError, read_bounded
from hakeeper.adapters.configfile import ConfigUnreadable, load
from hakeeper.config import Config
from hakeeper.doctor.gather.commandline import options_of
from hakeeper.doctor.gather.files import SIZE_LIMIT
from hakeeper.doctor.gather.keepalived import read_conf
from hakeeper.doctor.gather.keepalived_program import find_program
from hakeeper.doctor.gather.machine import machine_facts
from hakeeper.doctor.gather.processes import by_pid_file, strays
from hakeeper.doctor.gather.scripts import script_facts
from hakeeper.doctor.gather.service import daemon_facts, fifo_facts
from hakeeper.doctor.keepalived_facts import ConfUnreadable
from hakeeper.setup.errors import SetupError
from hakeeper.setup.known import Here, Places, fifo_of

DEFAULT_CONF: Final = Path("/etc/keepalived/keepalived.conf")
_PID_FILE: Final = Path("/run/keepalived.pid")


def running_keepalived(config: Config | None) -> int | None:
    """Return the pid of the keepalived that runs."""
    named = by_pid_file(str(_PID_FILE if config is None else config.keepalived.pid_file))
    return named or next(iter(strays(named)), None)


def conf_in_force(pid: int | None) -> Path:
    """Return the file that keepalived was started with, else the default one."""
    options = None if pid is None else options_of(pid)
    return DEFAULT_CONF if options is None else Path(options.file)


def look_here(places: Places, control_socket: Path) -> Here:
    """Look at this machine; raises SetupError, and what reading hakeeper.yaml raises."""
    config = _config(places.config)
    if find_program(running_keepalived(config)) is None:
        raise SetupError("keepalived is not installed; run: apt install keepalived")
    text = _text(places.keepalived_conf)
    here = Here(
        places=places,
        conf_text=text,
        drop_in_text=_text(places.drop_in),
        config=config,
        has_token=os.path.lexists(places.token),
        primaries=machine_facts((), ()).primaries,
        hears_keepalived=any(
            role != "unknown" for role in daemon_facts(control_socket).roles.values()
        ),
    )
    return here if text is None or not text.strip() else _with_conf(here)


def _config(path: Path) -> Config | None:
    try:
        return load(path)
    except ConfigUnreadable as error:
        if error.exit_code == exits.NO_CONFIG:
            return None
        raise


def _text(path: Path) -> str | None:
    try:
        data = read_bounded(path, SIZE_LIMIT).data
    except FileNotFoundError:
        return None
    except NotAFileError as error:
        raise SetupError(f"{path}: {error}") from None
    except OSError as error:
        raise SetupError(f"{path}: cannot be read ({error.strerror})", exits.SYSTEM) from None
    if len(data) > SIZE_LIMIT:
        raise SetupError(f"{path}: is larger than {SIZE_LIMIT >> 20} MiB")
    return data.decode("utf-8", "surrogateescape")


def _with_conf(here: Here) -> Here:
    path = here.places.keepalived_conf
    conf = read_conf(path, os.uname().nodename.partition(".")[0])
    if isinstance(conf, ConfUnreadable):
        raise SetupError(f"{path}: cannot be read ({conf.reason})", exits.SYSTEM)
    seen = script_facts(conf.notify_scripts)
    movers = tuple(one for one in conf.notify_scripts if seen[one.command].sign)
    fifo = fifo_of(here.config)
    same = fifo_facts(Path(fifo), [line.path for line in conf.fifos]).same_paths
    return replace(here, conf=conf, movers=movers, same_fifos=same)
