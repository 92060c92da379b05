"""Whose socket gives no answer is told from one who does not run."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from hakeeper.adapters.control_client import NoSocket, NotRunning, ask
from hakeeper.adapters.cures import socket_cure
from hakeeper.adapters.daemon_process import pid_of_daemon
from tests.support import cgroups
from tests.support.privileges import unprivileged

_WAITS = "import sys; print(flush=True); sys.stdin.read()"


@contextlib.contextmanager
def started(*words: str, folder: str = "", prefix: Sequence[str] = ()) -> Iterator[int]:
    """Run something with these words; it does nothing until it is ended."""
    process = subprocess.Popen(
        [*prefix, sys.executable, "-c", _WAITS, *words],
        env={**os.environ, "RUNTIME_DIRECTORY": folder},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process.pid
        process.communicate()


def test_a_daemon_without_its_socket_runs(tmp_path: Path) -> None:
    socket = tmp_path / "control.sock"
    with started("/usr/bin/hakeeper", "run", folder=f"{tmp_path}:/run/other") as pid:
        assert pid == pid_of_daemon(str(socket))
        with pytest.raises(NoSocket) as told:
            ask(str(socket), {}, 20)
    assert str(told.value) == (
        f"hakeeper runs (process {pid}) and moves addresses, but cannot be asked: no answer at"
        f" {socket} (No such file or directory)"
    )
    assert "journalctl -u hakeeper -n 30    # why" in socket_cure(told.value.place, told.value.lack)
    with pytest.raises(NotRunning):
        ask(str(socket), {}, 20)


def test_a_folder_that_is_gone_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    with started("hakeeper", "run", folder=str(folder)), pytest.raises(NoSocket) as told:
        ask(str(folder / "control.sock"), {}, 20)
    assert str(told.value).endswith(f"/control.sock ({folder} is missing)")
    assert "systemctl restart hakeeper    # " in socket_cure(told.value.place, told.value.lack)


def test_what_is_in_the_way_is_to_be_moved(tmp_path: Path) -> None:
    socket = tmp_path / "control.sock"
    socket.mkdir()
    with started("hakeeper", "run", folder=str(tmp_path)), pytest.raises(NoSocket) as told:
        ask(str(socket), {}, 20)
    assert str(told.value).endswith(f": {socket} is no socket, and is in its way")
    cure = socket_cure(told.value.place, told.value.lack)
    subprocess.run(["sh", "-euc", cure], check=True)
    assert not socket.exists()


def test_neither_another_daemon_nor_another_command_is_it(tmp_path: Path) -> None:
    socket = str(tmp_path / "control.sock")
    with (
        started("hakeeper", "run", folder=str(tmp_path / "other")),
        started("hakeeper", "status", folder=str(tmp_path)),
        started("run", "hakeeper", folder=str(tmp_path)),
        started("hakeeper", "run", folder=""),
    ):
        assert pid_of_daemon(socket) is None


def test_a_neighbours_process_of_that_name_is_not_it(tmp_path: Path) -> None:
    """It would make root believe that addresses are moved."""
    tmp_path.chmod(0o755)
    neighbour = ("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups")
    with started("hakeeper", "run", folder=str(tmp_path), prefix=neighbour):
        assert pid_of_daemon(str(tmp_path / "control.sock")) is None


def test_who_may_not_see_its_folder_knows_it_by_its_unit(tmp_path: Path) -> None:
    usual = "/run/hakeeper/daemon/control.sock"
    groups = cgroups.make("hakeeper.service")
    try:
        with started("hakeeper", "run", folder=str(tmp_path)), unprivileged():
            assert pid_of_daemon(usual) is None
        entering = cgroups.entering(groups)
        with started("hakeeper", "run", folder="", prefix=entering) as pid, unprivileged():
            assert pid == pid_of_daemon(usual)
            assert pid_of_daemon(str(tmp_path / "control.sock")) is None
    finally:
        cgroups.remove(groups)
