"""What another, unprivileged user of the machine does to the service: nothing.

On machines that boot, with the installed package in its sandbox. Also what only they can show of
the pages: a drop-in that somebody copies from there.
"""

import contextlib
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers import eventually

from package.building import REPO, Build
from package.machine import Machine, booted

pytestmark = pytest.mark.timeout(1200)
PATIENCE_S = 90.0
WATCHDOGS = 2.5
"""So many times as long as systemd waits for a beat the floods last."""
FLOODERS = 4
CONFIG = """\
server: web-a
instances: {VI_1: {floating_ips: [web]}}
hetzner: {endpoint: "http://127.0.0.1:9/v1"}
"""
_AS_NEIGHBOUR = "setpriv --reuid 4000 --regid 4000 --clear-groups python3 -c"
FILLS_THE_QUEUE_OF_SYSTEMD = """
import socket
flood = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
flood.connect("/run/systemd/notify")
while True:
    flood.send(b"X=1")
"""
HOLDS_ALL_PLACES = """
import contextlib, socket
held = []
while True:
    one = socket.socket(socket.AF_UNIX)
    with contextlib.suppress(OSError):  # the service is just restarted
        one.connect("/run/hakeeper/daemon/control.sock")
    held.append(one)
    for each in held[:-16]:
        each.close()
    del held[:-16]
"""
ASKS_ALL_THE_TIME = """
import contextlib, socket
while True:
    with socket.socket(socket.AF_UNIX) as one, contextlib.suppress(OSError):
        one.connect("/run/hakeeper/daemon/control.sock")
        one.sendall(b'{"command": "status"}\\n')
        one.recv(65536)
"""


@pytest.fixture
def machine(base: Path, first: Build, tmp_path: Path) -> Iterator[Machine]:
    """A booted machine on which the service runs; no API answers it."""
    with booted(base, tmp_path / "machine") as machine:
        shutil.copy(first.deb, machine.inside("/root/this.deb"))
        machine.run("apt-get install --yes -o Dpkg::Use-Pty=0 /root/this.deb")
        machine.inside("/etc/hakeeper/hakeeper.yaml").write_text(CONFIG)
        machine.run(f"echo {'x' * 64} | install -m 0600 /dev/stdin /etc/hakeeper/token")
        machine.run("systemctl start hakeeper")
        yield machine


@contextlib.contextmanager
def neighbour(machine: Machine, program: str, count: int) -> Iterator[None]:
    """Have another user run this program so many times at once."""
    inside = ["nsenter", f"--target={machine.pid}", "--all", *_AS_NEIGHBOUR.split(), program]
    running = [subprocess.Popen(inside, stderr=subprocess.DEVNULL) for _ in range(count)]
    try:
        yield
        assert [None] * count == [each.poll() for each in running], "they have flooded"
    finally:
        for each in running:
            each.kill()
            each.wait()
        machine.run("pkill --uid 4000", check=False)


def shown(machine: Machine, name: str) -> str:
    return machine.says(f"systemctl show hakeeper --value -p {name}")


def answers(machine: Machine) -> str:
    """Return the health that `hakeeper status` prints for root."""
    return str(json.loads(machine.says("hakeeper status --json"))["health"])


@pytest.mark.parametrize(
    ("program", "count"),
    [
        pytest.param(FILLS_THE_QUEUE_OF_SYSTEMD, FLOODERS, id="the queue of systemd"),
        pytest.param(HOLDS_ALL_PLACES, 1, id="the places of the socket"),
        pytest.param(ASKS_ALL_THE_TIME, FLOODERS, id="questions"),
    ],
)
def test_a_flood_neither_ends_the_service_nor_blinds_its_status(
    machine: Machine, program: str, count: int
) -> None:
    began = machine.says("cut -d' ' -f1 /proc/uptime")
    pid = shown(machine, "MainPID")
    with neighbour(machine, program, count):

        def is_over() -> bool:
            assert answers(machine) in {"degraded", "broken", "ok"}
            now = machine.says("cut -d' ' -f1 /proc/uptime")
            return float(now) > float(began) + WATCHDOGS * 20

        eventually(is_over, PATIENCE_S)
        if program is not FILLS_THE_QUEUE_OF_SYSTEMD:  # else PID 1 itself is busy
            machine.run("systemctl restart hakeeper")
            assert answers(machine) in {"degraded", "broken", "ok"}
            pid = shown(machine, "MainPID")
    # Only now: PID 1 may have had no time for a question.
    assert (pid, "0") == (shown(machine, "MainPID"), shown(machine, "NRestarts"))


def test_the_drop_in_of_the_page_on_recordings_records(machine: Machine) -> None:
    page = (REPO / "docs/recording.md").read_text()
    found = re.search(r"^```ini\n(\[Service\]\n.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert found is not None
    machine.run("mkdir -p /etc/systemd/system/hakeeper.service.d")
    machine.inside("/etc/systemd/system/hakeeper.service.d/record.conf").write_text(found[1])
    machine.run("systemctl daemon-reload; systemctl restart hakeeper")
    recording = machine.inside("/var/lib/hakeeper/recording.jsonl")
    eventually(lambda: recording.exists() and recording.stat().st_size > 0, PATIENCE_S)
    assert answers(machine) in {"degraded", "broken"}
    machine.run("systemctl stop hakeeper; hakeeper replay /var/lib/hakeeper/recording.jsonl")
