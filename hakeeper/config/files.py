"""The files that a configuration names: each has one purpose."""

import posixpath
from collections.abc import Iterator
from pathlib import Path

from hakeeper.config.keys import Config


def shared(config: Config) -> Iterator[tuple[str, str, Path]]:
    """Yield a key, and an earlier one that names the same file, and the file.

    hakeeper writes one of them, and reads others: a step-down must not end up in a pid file.
    """
    files = {
        "keepalived.fifo": config.keepalived.fifo,
        "keepalived.pid_file": config.keepalived.pid_file,
        "keepalived.track_file": config.keepalived.track_file,
        "hetzner.token_file": config.hetzner.token_file,
        "hetzner.ca_file": config.hetzner.ca_file,
        "robot.credentials_file": config.robot.credentials_file,
    }
    users: dict[str, str] = {}
    for key, file in files.items():
        if file is not None and (other := users.setdefault(_one_spelling(file), key)) != key:
            yield key, other, file


def _one_spelling(file: Path) -> str:
    """Return the path by which all spellings of it go; /var/run is a link to /run."""
    plain = "/" + posixpath.normpath(file).lstrip("/")
    return plain.removeprefix("/var") if plain.startswith("/var/run/") else plain
