"""The state file: keeps the roles, and the keepalived process that reported them, over a restart.

It is valid only while the same keepalived process runs. So it must survive a restart of hakeeper,
but not of the machine: writes are atomic (a temporary file is renamed), but not synced to disk,
since a slow disk would delay a claim.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hakeeper.adapters.kept_file import UnusableFileError, read_kept
from hakeeper.adapters.replaced_file import replace_file
from hakeeper.core.model import ProcessId, Role, SavedState, VrrpId, VrrpKind
from hakeeper.core.observation import Key

VERSION = 2
LIMIT_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Loaded:
    """The loaded state; `problem` says why an existing file is unusable."""

    state: SavedState | None
    problem: str = ""


class StateFile:
    """The file at `path`, mode 0600; its directory must exist.

    `on_trouble` is called with the reason when `try_save` fails, once until it works again.
    """

    def __init__(self, path: Path, on_trouble: Callable[[str], None] = lambda _: None) -> None:
        self._path = path
        self._on_trouble = on_trouble
        self._is_failing = False

    def load(self) -> Loaded:
        """Read the file; never raises, whatever is wrong with it."""
        try:
            return Loaded(read_kept(self._path, LIMIT_BYTES, _decode))
        except UnusableFileError as error:
            return Loaded(None, f"{error}; starting without it")

    def try_save(self, state: SavedState) -> bool:
        """Replace the file; say whether that worked."""
        try:
            self.save(state)
        except OSError as error:
            if not self._is_failing:
                self._on_trouble(
                    f"cannot write the state file: {error}; a restart will have to ask again"
                )
            self._is_failing = True
            return False
        self._is_failing = False
        return True

    def save(self, state: SavedState) -> None:
        """Replace the file; raises OSError on failure, after removing the old file if possible.

        The next start would trust an old file, although its roles are outdated.
        """
        replace_file(self._path, _encode(state))


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
