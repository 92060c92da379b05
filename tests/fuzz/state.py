"""State file bytes: loading gives a state of right types or a reason, and never raises."""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from random import Random

from hakeeper.adapters.statefile import Loaded, StateFile, _encode
from hakeeper.core.core import Core
from hakeeper.core.events import Started
from hakeeper.core.model import ProcessId, Role, SavedState, VrrpId, VrrpKind
from hakeeper.diagnosis.snapshot import snapshot_of
from hakeeper.kinds import KINDS
from tests.fuzz.lines import SETTINGS
from tests.fuzz.shapes import mistyped

PROCESS = ProcessId(4711, 123456, "6d7e1a2c-boot")
STATE = SavedState(
    keepalived=PROCESS,
    roles={
        VrrpId(VrrpKind.INSTANCE, "VI_1"): Role.MASTER,
        VrrpId(VrrpKind.GROUP, "VG_1"): Role.BACKUP,
        VrrpId(VrrpKind.INSTANCE, "VI ä"): Role.STOPPED,
    },
    servers={"cloud": 42},
)


def seeds() -> Iterator[bytes]:
    """Give files of ours, whole and torn, and JSON that is none of ours."""
    whole = _encode(STATE)
    yield whole
    yield whole[:100]
    yield whole.decode().encode("utf-16")
    yield _encode(SavedState(keepalived=None, roles={}))
    yield from (b"", b"null", b"[]", b"{}", b"NaN", b'{"version": 2}', b"[" * 3000, b"\x00" * 64)
    yield json.dumps({"version": True, "keepalived": "", "roles": "", "servers": -1}).encode()


_folders: list[tempfile.TemporaryDirectory[str]] = []


def _path() -> Path:
    """Return the path of the file; its folder is made once, for the sake of speed."""
    if not _folders:
        _folders.append(tempfile.TemporaryDirectory(prefix="hakeeper-"))
    return Path(_folders[0].name) / "state.json"


def close() -> None:
    """Remove the folder; the next run makes another."""
    while _folders:
        _folders.pop().cleanup()


def run(data: bytes) -> None:
    """Load the bytes; a state must survive being saved, and a core start with it."""
    path = _path()
    path.write_bytes(data)
    file = StateFile(path)
    loaded = file.load()
    assert [] == mistyped(loaded, Loaded)
    if loaded.state is None:
        assert str(path) in loaded.problem
        assert loaded.problem.isprintable()
        return
    assert not loaded.problem
    file.save(loaded.state)
    assert loaded == file.load()
    core = Core(SETTINGS, KINDS, Random(1), 0.0)  # noqa: S311 - not for secrets
    core.handle([Started(saved=loaded.state, keepalived=PROCESS)], 0.0)
    snapshot_of(core, 1.0)
