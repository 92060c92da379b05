"""A place to attack: a machine that boots, with keepalived, the service, and a simulated Hetzner.

keepalived is real and alone on its link; cutting that makes it FAULT, healing it MASTER again. The
cloud runs in this process, but listens on the machine's own loopback.
"""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hakeeper.core.model import Role, VrrpId, VrrpKind
from hakeeper.demo.cloud import SimCloud
from hakeeper.demo.lab import Witness
from hakeeper.demo.lab.netns import made_in
from tests.package.building import REPO
from tests.package.machine import Machine, booted
from tests.support.waiting import eventually

PATIENCE_S = 90.0
"""Bounds a failing test; nothing here takes as long."""
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
NEIGHBOUR = "4000"
"""The user id of somebody else on the machine; without a name, groups or rights."""
MEMBERS = "hakeeper"
"""The group of those who may ask the daemon how things are, and no more."""
_ENDS_BY_ITSELF = "import signal; signal.alarm(600)"
"""A flood must not outlive the tests, however these end."""
_VRRP = VrrpId(VrrpKind.INSTANCE, "VI_1")
_WITNESS = "/run/witness.fifo"
_CONFIG = """\
server: web-a
instances: {{VI_1: {{floating_ips: [web]}}}}
hetzner: {{endpoint: "{url}"}}
"""
VRRP_INSTANCE = """\
vrrp_instance VI_1 {
    state BACKUP
    interface hktest0
    virtual_router_id 51
    priority 100
    advert_int 0.1
    unicast_src_ip 10.9.0.2
    unicast_peer {
        10.9.0.3
    }
    virtual_ipaddress {
        203.0.113.10/32 dev hktest0
    }
}
"""
"""One that is alone on its link, and soon MASTER."""
_KEEPALIVED = f"""\
global_defs {{
    vrrp_version 3
    script_user root
    enable_script_security
    notify_fifo {_WITNESS} root
    vrrp_notify_fifo /run/hakeeper/notify.fifo hakeeper hakeeper
    enable_dbus
    reload_check_config
}}
{VRRP_INSTANCE}"""


@dataclass(frozen=True, slots=True)
class Place:
    """All of it, with the address here at first."""

    machine: Machine
    cloud: SimCloud
    witness: Witness
    token: str
    ip: int
    here: int
    there: int

    def shown(self, name: str) -> str:
        """A property of the service's unit."""
        return self.machine.says(f"systemctl show hakeeper --value -p {name}")

    def health(self) -> str:
        """What `hakeeper status` says to root."""
        return str(json.loads(self.machine.says("hakeeper status --json"))["health"])

    def fail_over(self) -> float:
        """Let the machine become master of an address that is elsewhere.

        Return the seconds from keepalived's line until the assign has arrived at the cloud.
        """
        self.machine.run("ip link set hktest1 down")
        self.witness.wait_for_role("here", _VRRP, {Role.FAULT}, timeout_s=PATIENCE_S)
        self.cloud.move(self.ip, self.there)
        seen, began_s = len(self.cloud.requests()), time.monotonic()
        self.machine.run("ip link set hktest1 up")
        self.witness.wait_for_role("here", _VRRP, {Role.MASTER}, timeout_s=PATIENCE_S)
        assigned = eventually(
            lambda: next((one for one in self.cloud.assigns() if one.seq > seen), None),
            PATIENCE_S,
            "an assign",
        )
        assert assigned is not None
        assert assigned.server == self.here
        self.settle()
        line = next(
            one for one in self.witness.changes() if one.role is Role.MASTER and one.at_s > began_s
        )
        return assigned.received_s - line.at_s

    def settle(self) -> None:
        """Wait until the address is here, and hakeeper knows it."""
        eventually(lambda: self.cloud.holder(self.ip) == self.here, PATIENCE_S, "the address here")
        eventually(lambda: self.health() == "ok", PATIENCE_S, "status says ok")

    def told(self, event: str) -> int:
        """How often the journal tells of an event."""
        argv = f"journalctl --unit=hakeeper --output=json HAKEEPER_EVENT={event}"
        return len(self.machine.run(f"journalctl --sync; {argv}").stdout.splitlines())

    def run_as(self, user: str, program: str, group: str = "") -> dict[str, Any]:
        """Have another user run a Python program; return what it prints, which is JSON."""
        argv = self._inside("-", user, group=group)
        done = subprocess.run(argv, input=program, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        printed: dict[str, Any] = json.loads(done.stdout)
        return printed

    @contextlib.contextmanager
    def recording(self) -> Iterator[Path]:
        """Let the service record, by the drop-in of docs/recording.md."""
        page = (REPO / "docs/recording.md").read_text()
        found = re.search(r"^```ini\n(\[Service\]\n.*?)^```", page, re.MULTILINE | re.DOTALL)
        assert found is not None
        self.machine.run("mkdir -p /etc/systemd/system/hakeeper.service.d")
        drop_in = self.machine.inside("/etc/systemd/system/hakeeper.service.d/record.conf")
        drop_in.write_text(found[1])
        try:
            self.machine.run("systemctl daemon-reload; systemctl restart hakeeper")
            recording = self.machine.inside("/var/lib/hakeeper/recording.jsonl")
            eventually(lambda: recording.exists() and recording.stat().st_size > 0, PATIENCE_S)
            yield recording
        finally:
            drop_in.unlink()
            self.machine.run("systemctl daemon-reload; systemctl restart hakeeper")
            self.settle()

    @contextlib.contextmanager
    def neighbours(self, program: str, count: int = 1, group: str = "") -> Iterator[None]:
        """Have another user run this Python program so many times at once."""
        argv = self._inside("-c", NEIGHBOUR, f"{_ENDS_BY_ITSELF}\n{program}", group)
        running = [subprocess.Popen(argv, stderr=subprocess.DEVNULL) for _ in range(count)]
        try:
            eventually(lambda: len(_children(running)) == count, PATIENCE_S, "all of them run")
            yield
            assert [None] * count == [each.poll() for each in running], "they have flooded"
        finally:
            # Seen from outside: the machine may be too busy, or broken, to end them itself.
            for child in _children(running):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)
            for each in running:
                each.wait()

    def _inside(self, how: str, user: str, program: str = "", group: str = "") -> list[str]:
        groups = f"--groups={group}" if group else "--clear-groups"
        return [
            *("nsenter", f"--target={self.machine.pid}", "--all", "env", "-i", f"PATH={PATH}"),
            *("setpriv", f"--reuid={user}", f"--regid={user}", groups),
            *("/usr/bin/python3", how, program)[: 3 if program else 2],
        ]


def _children(of: "list[subprocess.Popen[bytes]]") -> list[int]:
    """The processes in the machine, each the child of its nsenter, by their pids here."""
    found = []
    for each in of:
        with contextlib.suppress(OSError):  # it is not there yet, or no more
            children = Path(f"/proc/{each.pid}/task/{each.pid}/children").read_text()
            found += [int(pid) for pid in children.split()]
    return found


@contextlib.contextmanager
def opened(base: Path, deb: Path, folder: Path) -> Iterator[Place]:
    """Boot it, install the package, and wait until the address is here."""
    with contextlib.ExitStack() as stack:
        machine = stack.enter_context(booted(base, folder))
        network = f"/proc/{machine.pid}/ns/net"
        cloud = stack.enter_context(made_in(network, SimCloud))
        here = cloud.add_server("web-a", private_ips=["127.0.0.1"])  # its daemon runs here
        there = cloud.add_server("web-b")
        ip = cloud.add_floating_ip("web", "203.0.113.10", server=there)
        token = cloud.add_client("web-a")
        _set_up(machine, deb, cloud.url, token)
        fifo = machine.inside(_WITNESS)
        witness = Witness({"here": fifo})
        stack.callback(witness.close)
        machine.run("systemctl restart hakeeper keepalived")
        made = Place(machine, cloud, witness, token, ip, here, there)
        made.settle()
        yield made


def _set_up(machine: Machine, deb: Path, url: str, token: str) -> None:
    shutil.copy(deb, machine.inside("/root/this.deb"))
    machine.run("apt-get install --yes -o Dpkg::Use-Pty=0 /root/this.deb")
    machine.inside("/etc/hakeeper/hakeeper.yaml").write_text(_CONFIG.format(url=url))
    written = machine.inside("/root/token")
    written.write_text(token)
    machine.run("install -m 0600 /root/token /etc/hakeeper/token && rm /root/token")
    machine.run("mkdir -p /etc/keepalived")
    machine.inside("/etc/keepalived/keepalived.conf").write_text(_KEEPALIVED)
    machine.run(
        "ip link add hktest0 type veth peer name hktest1; ip link set hktest1 up;"
        f" ip link set hktest0 up; ip address add 10.9.0.2/24 dev hktest0; mkfifo {_WITNESS}"
    )
