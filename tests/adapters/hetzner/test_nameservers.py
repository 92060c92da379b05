"""Real nameservers that are dead, in a network and with a resolv.conf of their own."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("nameservers.py")
ROOM = """
ip link set lo up
mount --bind "$1/resolv.conf" /etc/resolv.conf
mount --bind "$1/nsswitch.conf" /etc/nsswitch.conf
exec "$2" "$3" "$1"
"""
UNSHARE = ("unshare", "--map-root-user", "--net", "--mount")


@pytest.fixture(scope="module", autouse=True)
def _room_is_possible() -> None:
    tried = subprocess.run([*UNSHARE, "true"], capture_output=True, text=True, check=False)
    if tried.returncode != 0:
        pytest.skip(f"no network namespace of our own here: {tried.stderr.strip()}")


def test_with_dead_nameservers_calls_are_made_to_the_address_that_is_known(tmp_path: Path) -> None:
    """A call has 5 s in all, and libc waits as long for each of them."""
    (tmp_path / "resolv.conf").write_text("nameserver 127.0.0.2\nnameserver 127.0.0.3\n")
    (tmp_path / "nsswitch.conf").write_text("hosts: dns\n")
    story = subprocess.run(
        [*UNSHARE, "sh", "-ec", ROOM, "sh", str(tmp_path), sys.executable, str(SCRIPT)],
        env={"PYTHONPATH": str(SCRIPT.parents[3]), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    assert story[0] in ("first dns", "first accepted")
    assert story[1:] == [
        "second accepted",
        *3 * ["without any nameserver accepted"],
        "requests 4",
    ]
