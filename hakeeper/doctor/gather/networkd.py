"""The interfaces that systemd-networkd manages, and its settings for them, read from files.

networkd writes the state of each link to /run/systemd/netif/links. The settings come from a file
and its drop-ins, in the directories and with the precedence of systemd.network(5).
"""

import contextlib
import ipaddress
import os
import socket
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, TypeAlias

from hakeeper.adapters.bounded_read import NotAFileError, read_bounded
from hakeeper.core.model import IpAddress
from hakeeper.doctor.facts import NetworkdFacts, NetworkdLink

_LINKS: Final = "run/systemd/netif/links"
_FOLDERS: Final = tuple(
    f"{each}/systemd" for each in ("etc", "run", "usr/local/lib", "usr/lib", "lib")
)
"""In order of precedence: the first wins among files with the same name."""
_LIMIT_BYTES: Final = 256 * 1024
_DROPINS_LIMIT: Final = 100
Setting: TypeAlias = tuple[str, str, str]
"""Section, key, value."""


def networkd_facts(interfaces: Iterable[str], root: Path = Path("/")) -> NetworkdFacts:
    """Read the settings of these interfaces."""
    if not (root / _LINKS).is_dir() or not _is_network_of_the_machine():
        return NetworkdFacts()
    found = (_link(name, root) for name in sorted(interfaces))
    return NetworkdFacts(
        links={link.name: link for link in found if link is not None},
        settings={
            key: value
            for path in _with_dropins("networkd.conf", "", root)
            for section, key, value in _settings(path)
            if section == "Network"
        },
    )


def _is_network_of_the_machine() -> bool:
    """Say whether we are in networkd's network namespace; True if that cannot be seen."""
    with contextlib.suppress(OSError):
        return os.stat("/proc/self/ns/net").st_ino == os.stat("/proc/1/ns/net").st_ino  # noqa: PTH116  # both are links
    return True


def _link(name: str, root: Path) -> NetworkdLink | None:
    with contextlib.suppress(OSError):
        index = socket.if_nametoindex(name)
        state = {key: value for _, key, value in _settings(root / _LINKS / str(index))}
        file = state.get("NETWORK_FILE", "").strip('"')
        if file and state.get("ADMIN_STATE") != "unmanaged":
            return _managed(name, file, root)
    return None


def _managed(name: str, file: str, root: Path) -> NetworkdLink:
    base = root / file.lstrip("/")
    paths = [base, *_with_dropins(base.name, "network", root)]
    settings = [each for path in paths for each in _settings(path)]
    keeps = [value for section, key, value in settings if (section, key) == _KEEP]
    return NetworkdLink(
        name=name,
        network_file=file,
        keep=keeps[-1].lower() if keeps else "",
        static=frozenset(_addresses(settings)),
    )


_KEEP: Final = ("Network", "KeepConfiguration")


def _addresses(settings: Iterable[Setting]) -> Iterator[IpAddress]:
    for section, key, value in settings:
        if section in {"Network", "Address"} and key == "Address":
            with contextlib.suppress(ValueError):
                yield ipaddress.ip_interface(value).ip


def _with_dropins(name: str, below: str, root: Path) -> Iterator[Path]:
    """Yield a file's drop-ins in order; for networkd.conf (no `below`), the file itself first."""
    if not below:
        mains = (root / folder / name for folder in _FOLDERS)
        yield from [path for path in mains if path.exists()][:1]
    found: dict[str, Path] = {}
    for folder in _FOLDERS:
        for path in _confs(root / folder / below / f"{name}.d"):
            found.setdefault(path.name, path)
    yield from (found[each] for each in sorted(found)[:_DROPINS_LIMIT])


def _confs(folder: Path) -> list[Path]:
    try:
        return [path for path in folder.iterdir() if path.suffix == ".conf"]
    except OSError:
        return []


def _settings(path: Path) -> Iterator[Setting]:
    """Read a file in the format of systemd.syntax(7); an unreadable one has no settings."""
    section = ""
    for line in _lines(path):
        text = line.strip()
        if not text or text[0] in "#;":
            continue
        if text.startswith("[") and text.endswith("]"):
            section = text[1:-1]
            continue
        key, equals, value = text.partition("=")
        if equals:
            yield section, key.strip(), value.strip()


def _lines(path: Path) -> list[str]:
    try:
        text = read_bounded(path, _LIMIT_BYTES).data.decode("utf-8", "replace")
    except (OSError, NotAFileError):
        return []
    return text.replace("\\\n", " ").splitlines()
