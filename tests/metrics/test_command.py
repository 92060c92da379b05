"""`hakeeper metrics` and daemons that refuse or cannot be understood."""

import subprocess
import sys
from pathlib import Path

from tests.support.imports import imported_by
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


def test_it_needs_no_library_of_the_daemons(tmp_path: Path) -> None:
    found = imported_by("metrics", "--socket", str(tmp_path / "none"))
    assert not {"hcloud", "yaml", "requests", "jeepney", "systemd", "structlog"} & {*found}
