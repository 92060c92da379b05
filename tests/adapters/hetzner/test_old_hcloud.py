"""The adapter's contract with the hcloud that Debian 13 ships."""

import fcntl
import os
import subprocess
import sys
from pathlib import Path

OLD = "2.3.0"
HERE = Path(__file__).parent
ROOT = HERE.parents[2]


def _installed() -> Path:
    """Install the old version beside the environment, once; the lock is for parallel runs."""
    folder = Path(sys.prefix) / f"hcloud-{OLD}"
    with (Path(sys.prefix) / f"hcloud-{OLD}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / f"hcloud-{OLD}.dist-info" / "RECORD").exists():
            pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--upgrade"]
            subprocess.run(
                [*pip, "--target", str(folder), f"hcloud=={OLD}"], check=True, timeout=100
            )
    return folder


def test_the_adapter_keeps_its_contract_with_the_oldest_hcloud(tmp_path: Path) -> None:
    environment = {
        **{k: v for k, v in os.environ.items() if not k.startswith(("PYTEST", "COV"))},
        "PYTHONPATH": str(_installed()),
        "HAKEEPER_TEST_HCLOUD": OLD,
        "PYTEST_DEBUG_TEMPROOT": str(tmp_path),  # another's folders are closed by a new session
    }
    files = [HERE / name for name in ("test_calls.py", "test_hazards.py")]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", *files],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
