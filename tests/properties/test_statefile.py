"""The state file: what was saved is loaded or refused, and a save that fails leaves nothing stale.

That every state survives the way there and back, and that no bytes make loading raise, stands in
tests/adapters/test_statefile.py; here is what damage does.
"""

import errno
import io
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hakeeper.adapters.statefile import Loaded, StateFile
from hakeeper.core.model import ProcessId, Role, SavedState, VrrpId, VrrpKind
from tests.fuzz.shapes import mistyped
from tests.fuzz.state import STATE
from tests.properties.odd import spoiled
from tests.properties.steady import steady

# As a name may come: from UTF-8, or from JSON with a lone surrogate in it.
NAMES = st.text(max_size=20)
IDS = st.integers(0, 1 << 64)
STATES = st.builds(
    SavedState,
    keepalived=st.none() | st.builds(ProcessId, IDS, st.none() | IDS, NAMES),
    roles=st.dictionaries(
        st.builds(VrrpId, st.sampled_from(VrrpKind), NAMES), st.sampled_from(Role), max_size=6
    ),
    servers=st.dictionaries(NAMES, IDS | NAMES, max_size=3),
)
Damage: TypeAlias = Callable[[bytes], bytes]


@contextmanager
def state_file(state: SavedState | None = None) -> Iterator[tuple[Path, StateFile]]:
    with tempfile.TemporaryDirectory(prefix="hakeeper-") as folder:
        path = Path(folder) / "state.json"
        file = StateFile(path)
        if state is not None:
            file.save(state)
        yield path, file


@steady(300)
@given(STATES)
def test_every_state_that_is_saved_is_loaded(state: SavedState) -> None:
    with state_file(state) as (_, file):
        assert Loaded(state) == file.load()


@pytest.mark.parametrize("bit", range(8))
def test_a_flipped_bit_anywhere_is_refused_with_a_reason_or_leaves_right_types(bit: int) -> None:
    with state_file(STATE) as (path, file):
        whole = path.read_bytes()
        for place in range(len(whole)):
            damaged = bytearray(whole)
            damaged[place] ^= 1 << bit
            path.write_bytes(damaged)
            check(file.load(), path)


@steady(200)
@given(STATES, st.data())
def test_whatever_part_of_a_file_is_left_is_refused_or_has_right_types(
    state: SavedState, data: st.DataObject
) -> None:
    with state_file(state) as (path, file):
        whole = path.read_bytes()
        places = st.integers(0, len(whole))
        first, last = sorted((data.draw(places), data.draw(places)))
        put = data.draw(st.binary(max_size=8) | st.just(b"\x00" * (last - first)))
        path.write_bytes(whole[:first] + put + whole[last:])
        check(file.load(), path)


def test_an_odd_value_in_any_place_is_refused_with_a_reason_or_has_the_right_type() -> None:
    with state_file(STATE) as (path, file):
        for what, odd in spoiled(json.loads(path.read_bytes())):
            path.write_text(json.dumps(odd))
            try:
                check(file.load(), path)
            except Exception as error:
                raise AssertionError(what) from error


@steady(100)
@given(STATES, st.data())
def test_a_torn_file_is_always_refused(state: SavedState, data: st.DataObject) -> None:
    with state_file(state) as (path, file):
        whole = path.read_bytes()
        path.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
        loaded = file.load()
        assert loaded.state is None
        assert str(path) in loaded.problem


def check(loaded: Loaded, path: Path) -> None:
    assert [] == mistyped(loaded, Loaded)
    assert (loaded.state is None) == bool(loaded.problem)
    assert loaded.state is not None or str(path) in loaded.problem


class FullDisk(io.BytesIO):
    """A file on a disk that is full after so many bytes."""

    def __init__(self, fd: int, room_bytes: int) -> None:
        super().__init__()
        self._fd = fd
        self._room_bytes = room_bytes

    def write(self, data: bytes) -> int:  # type: ignore[override]  # bytes are all that is written
        os.write(self._fd, data[: self._room_bytes])
        if len(data) > self._room_bytes:
            raise OSError(errno.ENOSPC, "No space left on device")
        return len(data)

    def close(self) -> None:
        if not self.closed:
            os.close(self._fd)
        super().close()


@steady(100)
@given(
    STATES,
    STATES,
    st.sampled_from(["open", "write", "replace"]),
    st.sampled_from([errno.ENOSPC, errno.EIO, errno.EACCES, errno.EMFILE, errno.EROFS]),
    st.integers(0, 60),
)
def test_a_save_that_fails_leaves_no_old_state_to_be_believed_and_the_next_one_succeeds(
    old: SavedState, new: SavedState, step: str, code: int, room_bytes: int
) -> None:
    def fail(*_: object, **__: object) -> int:
        raise OSError(code, os.strerror(code))

    with state_file(old) as (_, file):
        with pytest.MonkeyPatch.context() as patch:
            match step:
                case "open":
                    patch.setattr(os, "open", fail)
                case "write":
                    patch.setattr(os, "fdopen", lambda fd, _mode: FullDisk(fd, room_bytes))
                case _:
                    patch.setattr(Path, "replace", fail)
            with pytest.raises(OSError):
                file.save(new)
        assert Loaded(None) == file.load()
        file.save(new)
        assert Loaded(new) == file.load()


@steady(50)
@given(STATES, STATES, st.booleans())
def test_a_disk_on_which_nothing_works_any_more_gives_the_old_state_or_none(
    old: SavedState,
    new: SavedState,
    only_reads: bool,  # noqa: FBT001 - drawn
) -> None:
    def fail(*_: object, **__: object) -> int:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    with state_file(old) as (_, file):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(os, "open" if only_reads else "fdopen", fail)
            patch.setattr(Path, "unlink", fail)
            with pytest.raises(OSError):
                file.save(new)
        assert Loaded(old) == file.load()
