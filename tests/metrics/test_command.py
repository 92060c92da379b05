"""`hakeeper metrics` and daemons that refuse or cannot be understood."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hakeeper import exits
from hakeeper.cli.main import run_command
from hakeeper.cli.metrics import _write
from hakeeper.metrics.listener import CannotTell
from tests.support.imports import imported_by
from tests.support.privileges import public_folder, unprivileged
from tests.support.status_daemon import StatusDaemon


def test_a_daemon_that_is_older_is_named(tmp_path: Path) -> None:
    daemon = StatusDaemon(tmp_path)
    daemon.status = {"error": "unknown command 'counts'; known: status", "code": "unknown_command"}
    with daemon.running():
        done = subprocess.run(
            [sys.executable, "-m", "hakeeper", "metrics", "--socket", str(daemon.path)],
            capture_output=True,
            text=True,
            check=False,
        )
    assert 0 == done.returncode
    assert "hakeeper_up 0.0\n" in done.stdout
    assert "of an older version: systemctl restart hakeeper" in done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
@pytest.mark.parametrize("options", [(), ("--textfile", "{}/hakeeper.prom")], ids=str)
def test_a_stranger_gets_no_metric_and_is_told_the_way_in(
    options: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    """That the daemon is down would be a lie: it is not known."""
    with public_folder() as folder:
        daemon = StatusDaemon(folder)
        old = folder / "hakeeper.prom"
        old.write_text("of before")
        argv = ["metrics", "--socket", str(daemon.path)]
        assert exits.OK == run_command(argv)
        assert "hakeeper_up 0.0\n" in capsys.readouterr().out
        argv += [option.format(folder) for option in options]
        with daemon.running():
            os.chown(daemon.path, -1, 64004)
            with unprivileged():
                code = run_command(argv)
        assert (exits.NO_PERMISSION, "") == (code, (said := capsys.readouterr()).out)
        assert "only root and members of the group 64004 may" in said.err
        assert ("of before", 0) == (old.read_text(), daemon.asked)


def test_a_text_file_stays_and_grows_old_while_the_daemon_may_not_be_asked(tmp_path: Path) -> None:
    path = tmp_path / "hakeeper.prom"
    answers: list[bytes | Exception] = [b"up 1", CannotTell("no"), OSError("no"), EOFError()]

    def render() -> bytes:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    with pytest.raises(EOFError):
        _write(path, 0.0, render)
    assert b"up 1" == path.read_bytes()


def test_it_needs_no_library_of_the_daemons(tmp_path: Path) -> None:
    found = imported_by("metrics", "--socket", str(tmp_path / "none"))
    assert not {"hcloud", "yaml", "requests", "jeepney", "systemd", "structlog"} & {*found}
