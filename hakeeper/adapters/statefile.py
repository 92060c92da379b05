"""The state file: roles and whose words they are, over a restart of hakeeper.

It counts only while the same keepalived process runs, so it has to survive our process and not the
machine: writes are atomic (a temporary file, renamed), but not synced to disk, which could hold up
a claim for as long as the disk likes.
"""

import contextlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hakeeper.adapters.smallfile import NotAFileError, read_small
from hakeeper.core.model import ProcessId, Role, SavedState, VrrpId, VrrpKind
from hakeeper.core.observation import Key

VERSION = 2
LIMIT_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Loaded:
    """What was found; `problem` says why nothing was, where a file was there but unusable."""

    state: SavedState | None
    problem: str = ""


class StateFile:
    """The file at `path`, mode 0600; its folder must exist."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> Loaded:
        """Read it. Whatever is in it or wrong with it, this does not raise."""
        try:
            return Loaded(_decode(read_small(self._path, LIMIT_BYTES, follow=False).data))
        except FileNotFoundError:
            return Loaded(None)
        except (OSError, NotAFileError, ValueError, KeyError, TypeError, RecursionError) as error:
            text = f"{self._path} is unusable ({error!r}); starting without it"
            return Loaded(None, text)

    def save(self, state: SavedState) -> None:
        """Replace it; OSError if that fails, and then there is none, if that can be helped.

        An old one would be believed at the next start, though its roles are no longer true.
        """
        temporary = self._path.with_name(f"{self._path.name}.new")
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            with os.fdopen(os.open(temporary, flags, 0o600), "wb") as file:
                file.write(_encode(state))
            temporary.replace(self._path)
        except OSError:
            for path in (temporary, self._path):
                with contextlib.suppress(OSError):
                    path.unlink()
            raise


def _encode(state: SavedState) -> bytes:
    process = state.keepalived
    document = {
        "version": VERSION,
        "keepalived": None
        if process is None
        else {
            "pid": process.pid,
            "start_ticks": process.start_ticks,
            "boot_id": process.boot_id,
        },
        "roles": [
            {"kind": vrrp.kind.value, "name": vrrp.name, "role": role.value}
            for vrrp, role in state.roles.items()
        ],
        "servers": dict(state.servers),
    }
    return json.dumps(document, indent=1).encode()


def _decode(data: bytes) -> SavedState:
    if len(data) > LIMIT_BYTES:
        raise ValueError("too large")
    document = json.loads(data)
    if document["version"] != VERSION:
        raise ValueError("another version")
    return SavedState(
        keepalived=_process(document["keepalived"]),
        roles={
            VrrpId(VrrpKind(entry["kind"]), _text(entry["name"])): Role(entry["role"])
            for entry in document["roles"]
        },
        servers=_servers(document["servers"]),
    )


def _process(entry: Mapping[str, Any] | None) -> ProcessId | None:
    if entry is None:
        return None
    pid = _number_or_none(entry["pid"])
    if pid is None:
        raise TypeError("no pid")
    return ProcessId(pid, _number_or_none(entry["start_ticks"]), _text(entry["boot_id"]))


def _servers(entry: object) -> dict[str, Key]:
    if not isinstance(entry, dict):
        raise TypeError("no servers")
    return {_text(api): _key(key) for api, key in entry.items()}


def _key(value: object) -> Key:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise TypeError("no id")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("not a text")
    return value


def _number_or_none(value: object) -> int | None:
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    raise TypeError("not a number")
