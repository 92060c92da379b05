"""keepalived's command line, parsed as by getopt_long(3), and the pid files that follow from it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

from hakeeper.doctor.conf.configuration import KeepalivedConf

DEFAULT_FILE: Final = "/etc/keepalived/keepalived.conf"
_RUN: Final = "/run"
_NO, _MUST, _MAY = "no value", "a value", "a value after ="
_SHORT: Final[Mapping[str, str]] = {
    **dict.fromkeys("vhlndDReGmPCVXaITBxLO", _NO),
    **dict.fromkeys("uSfpisrcbA", _MUST),
    **dict.fromkeys("Mgt", _MAY),
}
_LONG: Final[Mapping[str, tuple[str, str]]] = {
    "use-file": ("f", _MUST),
    "vrrp": ("P", _NO),
    "check": ("C", _NO),
    "no_bfd": ("B", _NO),
    "all": ("", _NO),
    "log-console": ("l", _NO),
    "log-detail": ("D", _NO),
    "log-facility": ("S", _MUST),
    "log-file": ("g", _MAY),
    "flush-log-file": ("", _NO),
    "no-syslog": ("G", _NO),
    "umask": ("u", _MUST),
    "release-vips": ("X", _NO),
    "dont-release-vrrp": ("V", _NO),
    "dont-release-ipvs": ("I", _NO),
    "dont-respawn": ("R", _NO),
    "dont-fork": ("n", _NO),
    "dump-conf": ("d", _NO),
    "pid": ("p", _MUST),
    "vrrp_pid": ("r", _MUST),
    "genhash": ("T", _NO),
    "checkers_pid": ("c", _MUST),
    "address-monitoring": ("a", _NO),
    "bfd_pid": ("b", _MUST),
    "snmp": ("x", _NO),
    "snmp-agent-socket": ("A", _MUST),
    "core-dump": ("m", _NO),
    "core-dump-pattern": ("M", _MAY),
    "namespace": ("s", _MUST),
    "config-id": ("i", _MUST),
    "signum": ("", _MUST),
    "config-test": ("t", _MAY),
    "config-fd": ("", _MUST),
    "ignore-sigint": ("", _NO),
    "all-config": ("e", _NO),
    "version": ("v", _NO),
    "help": ("h", _NO),
}
"""The long options of 2.2.7 to 2.4.3, with the short option of each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The relevant options of the command line; paths are as written."""

    file: str = DEFAULT_FILE
    pid_file: str | None = None
    vrrp_pid_file: str | None = None
    config_id: str | None = None
    namespace: str | None = None
    has_vrrp: bool = True
    """False: `--check`, so there is no VRRP process."""
    has_checkers: bool = True
    """False: `--vrrp`, so there are no health checks."""

    def file_in(self, folder: str) -> str:
        """Return the path of the file for a process whose working directory is `folder`."""
        return str(PurePosixPath(folder, self.file))


@dataclass(frozen=True, slots=True)
class PidFiles:
    """Where keepalived writes the pids of its parent and of its VRRP process."""

    parent: str
    vrrp: str


def read_options(argv: Sequence[str]) -> Options:
    """Parse a command line; `argv[0]` is the program. Unknown options are ignored."""
    found = _given(argv[1:])
    return Options(
        file=found.get("f", DEFAULT_FILE),
        pid_file=found.get("p"),
        vrrp_pid_file=found.get("r"),
        config_id=found.get("i"),
        namespace=found.get("s"),
        has_vrrp="C" not in found,
        has_checkers="P" not in found,
    )


def _given(words: Sequence[str]) -> dict[str, str]:
    """Return the values by short option; the last one wins. Options may follow other words."""
    found: dict[str, str] = {}
    waiting = list(reversed(words))
    while waiting:
        word = waiting.pop()
        if word == "--":
            break
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            option, takes = _long(name)
            if takes == _MUST and not equals:
                if not waiting:
                    break
                value = waiting.pop()
            # keepalived refuses an empty value for an option that needs one.
            if option and (value or takes != _MUST):
                found[option] = value
        elif word.startswith("-") and word != "-":
            _read_bundle(word[1:], waiting, found)
    return found


def _long(name: str) -> tuple[str, str]:
    """Find a long option by its name or by a unique prefix."""
    if name in _LONG:
        return _LONG[name]
    fitting = [_LONG[one] for one in _LONG if one.startswith(name)]
    return fitting[0] if len(fitting) == 1 else ("", _NO)


def _read_bundle(letters: str, waiting: list[str], found: dict[str, str]) -> None:
    """Parse `-nlf FILE` and the like; `waiting` are the following words, the next one last."""
    for at, letter in enumerate(letters, start=1):
        takes = _SHORT.get(letter, _NO)
        if takes == _NO:
            found[letter] = ""
            continue
        value = letters[at:]
        if takes == _MUST and not value:
            if not waiting:
                return
            value = waiting.pop()
        found[letter] = value
        return


def pid_files(options: Options, conf: KeepalivedConf | None = None) -> PidFiles:
    """Return the paths of the pid files, as seen from outside of keepalived's namespaces.

    In a network namespace keepalived has its own /run/keepalived, which is a directory with the
    namespace's name in the real one. A pid file that an option puts elsewhere stays there.
    """
    name = None if conf is None else conf.instance_name
    namespace = options.namespace or (None if conf is None else conf.net_namespace)
    is_folder = namespace is not None or (conf is not None and conf.is_pid_dir_used)
    folder = f"{_RUN}/keepalived" if is_folder else _RUN
    suffix = "" if name is None else f"_{name}"
    return PidFiles(
        _outside(options.pid_file or f"{folder}/keepalived{suffix}.pid", namespace),
        _outside(options.vrrp_pid_file or f"{folder}/vrrp{suffix}.pid", namespace),
    )


def _outside(path: str, namespace: str | None) -> str:
    inside = PurePosixPath(_RUN, "keepalived")
    where = PurePosixPath(path)
    if namespace is None or not where.is_relative_to(inside):
        return path
    return str(inside / namespace / where.relative_to(inside))
