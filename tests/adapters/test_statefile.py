import errno
import json
import os
import stat
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hakeeper.adapters.statefile import LIMIT_BYTES, VERSION, Loaded, StateFile
from hakeeper.core.model import ProcessId, Role, SavedState, VrrpId, VrrpKind

STATE = SavedState(
    keepalived=ProcessId(4711, 123456, "6d7e1a2c-boot"),
    roles={
        VrrpId(VrrpKind.INSTANCE, "VI_1"): Role.MASTER,
        VrrpId(VrrpKind.GROUP, "VI_1"): Role.BACKUP,
        VrrpId(VrrpKind.INSTANCE, "group VI_1"): Role.FAULT,
        VrrpId(VrrpKind.INSTANCE, "it's ä \\t"): Role.STOPPED,
        VrrpId(VrrpKind.INSTANCE, ""): Role.UNKNOWN,
    },
    servers={"cloud": 42, "robot": "subnet-7"},
)

process_ids = st.builds(
    ProcessId,
    st.integers(min_value=1, max_value=1 << 22),
    st.none() | st.integers(min_value=0, max_value=1 << 63),
    st.text(max_size=40),
)
# A name comes from UTF-8 bytes, so it holds no lone surrogate.
names = st.text(st.characters(codec="utf-8"), max_size=40)
states = st.builds(
    SavedState,
    keepalived=st.none() | process_ids,
    roles=st.dictionaries(
        st.builds(VrrpId, st.sampled_from(VrrpKind), names), st.sampled_from(Role), max_size=20
    ),
    servers=st.dictionaries(names, st.integers(min_value=0, max_value=1 << 63) | names, max_size=3),
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=10,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.json"


def document(path: Path) -> dict[str, object]:
    StateFile(path).save(STATE)
    loaded: dict[str, object] = json.loads(path.read_text())
    return loaded


def test_a_saved_state_is_loaded_again(path: Path) -> None:
    StateFile(path).save(STATE)
    assert Loaded(STATE) == StateFile(path).load()


@given(states)
def test_every_state_survives_the_way_to_the_file_and_back(state: SavedState) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = StateFile(Path(folder) / "state.json")
        file.save(state)
        assert Loaded(state) == file.load()


def test_no_file_is_no_state_and_no_problem(path: Path) -> None:
    assert Loaded(None, "") == StateFile(path).load()


def test_the_file_is_for_its_owner_only_and_nothing_else_is_left(path: Path) -> None:
    file = StateFile(path)
    file.save(STATE)
    file.save(STATE)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [path] == list(path.parent.iterdir())


def test_a_torn_file_is_refused_at_every_length(path: Path) -> None:
    document(path)
    whole = path.read_bytes().rstrip()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        loaded = StateFile(path).load()
        assert loaded.state is None, length
        assert str(path) in loaded.problem


@pytest.mark.parametrize(
    "data",
    [
        b"\x00" * 4096,
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"1" * 10_000,
        b"[]",
        b"null",
        b'"text"',
        b"5",
        b"{}",
        b"NaN",
    ],
    ids=lambda data: repr(data[:12]),
)
def test_an_invalid_state_is_refused_with_a_reason(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    loaded = StateFile(path).load()
    assert loaded.state is None
    assert str(path) in loaded.problem


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("version", VERSION + 1),
        ("version", None),
        ("keepalived", []),
        ("keepalived", {"pid": "1", "start_ticks": 1, "boot_id": "x"}),
        ("keepalived", {"pid": None, "start_ticks": 1, "boot_id": "x"}),
        ("keepalived", {"pid": True, "start_ticks": 1, "boot_id": "x"}),
        ("keepalived", {"pid": 1, "start_ticks": 1.5, "boot_id": "x"}),
        ("keepalived", {"pid": 1, "start_ticks": 1, "boot_id": 5}),
        ("keepalived", {"pid": 1}),
        ("roles", None),
        ("roles", {"VI_1": "MASTER"}),
        ("roles", [["INSTANCE", "VI_1", "MASTER"]]),
        ("roles", [{"kind": "INSTANCE", "name": "VI_1", "role": "EMPEROR"}]),
        ("roles", [{"kind": "PLANET", "name": "VI_1", "role": "MASTER"}]),
        ("roles", [{"kind": ["INSTANCE"], "name": "VI_1", "role": "MASTER"}]),
        ("roles", [{"kind": "INSTANCE", "name": 1, "role": "MASTER"}]),
        ("servers", None),
        ("servers", 42),
        ("servers", "cloud"),
        ("servers", ["cloud"]),
        ("servers", {"cloud": None}),
        ("servers", {"cloud": True}),
        ("servers", {"cloud": 4.2}),
        ("servers", {"cloud": [42]}),
    ],
)
def test_one_wrong_value_spoils_the_whole(path: Path, key: str, value: object) -> None:
    path.write_text(json.dumps({**document(path), key: value}))
    loaded = StateFile(path).load()
    assert loaded.state is None
    assert str(path) in loaded.problem


@pytest.mark.parametrize("key", ["version", "keepalived", "roles", "servers"])
def test_a_missing_key_spoils_the_whole(path: Path, key: str) -> None:
    found = document(path)
    del found[key]
    path.write_text(json.dumps(found))
    assert StateFile(path).load().state is None


@given(json_values, st.sampled_from(["version", "keepalived", "roles", "servers", "whole"]))
def test_no_json_in_the_file_makes_loading_raise(value: object, key: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "state.json"
        found = document(path)
        path.write_text(json.dumps(value if key == "whole" else {**found, key: value}))
        StateFile(path).load()


@given(st.binary(max_size=200))
def test_no_bytes_in_the_file_make_loading_raise(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "state.json"
        path.write_bytes(data)
        assert StateFile(path).load().state is None


def test_a_file_larger_than_any_of_ours_is_not_read_whole(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(50 * 1024 * LIMIT_BYTES)  # sparse, and more than the machine's memory
    loaded = StateFile(path).load()
    assert loaded.state is None
    assert "too large" in loaded.problem


def test_a_good_state_with_too_much_behind_it_is_refused(path: Path) -> None:
    document(path)
    with path.open("ab") as file:
        file.write(b" " * LIMIT_BYTES)
    assert "too large" in StateFile(path).load().problem


@pytest.mark.parametrize("kind", ["directory", "fifo", "device"])
def test_anything_but_a_regular_file_is_refused_without_blocking(path: Path, kind: str) -> None:
    match kind:
        case "directory":
            path.mkdir()
        case "fifo":
            os.mkfifo(path)
        case _:
            path.symlink_to("/dev/zero")
    loaded = StateFile(path).load()
    assert loaded.state is None
    assert str(path) in loaded.problem


def test_a_link_in_its_place_is_not_followed(path: Path) -> None:
    """The folder is hakeeper's user's, and root's `check` reads it too."""
    other = path.with_name("other.json")
    StateFile(other).save(STATE)
    path.symlink_to(other)
    loaded = StateFile(path).load()
    assert (None, True) == (loaded.state, str(path) in loaded.problem)


def test_a_failed_save_raises_and_leaves_no_state_that_is_no_longer_true(path: Path) -> None:
    file = StateFile(path)
    file.save(STATE)
    blocker = path.with_name("state.json.new")
    blocker.mkdir()
    with pytest.raises(OSError) as caught:
        file.save(SavedState(keepalived=None, roles={}))
    assert caught.value.errno == errno.EISDIR
    assert Loaded(None) == file.load()
    blocker.rmdir()
    file.save(SavedState(keepalived=None, roles={}))
    assert Loaded(SavedState(keepalived=None, roles={})) == file.load()


def test_nothing_is_written_through_a_link_that_somebody_put_there(path: Path) -> None:
    file = StateFile(path)
    file.save(STATE)
    other = path.with_name("other")
    other.write_text("kept")
    path.with_name("state.json.new").symlink_to(other)
    with pytest.raises(OSError):
        file.save(STATE)
    assert other.read_text() == "kept"
    file.save(STATE)
    assert Loaded(STATE) == file.load()


def test_a_half_written_file_of_a_crash_does_no_harm(path: Path) -> None:
    path.with_name("state.json.new").write_text("{half")
    file = StateFile(path)
    assert Loaded(None) == file.load()
    file.save(STATE)
    assert Loaded(STATE) == file.load()
    assert [path] == list(path.parent.iterdir())
