"""Nodes with real keepalived and the packaged hakeeper in network namespaces; a cloud over TLS."""

import contextlib
import dataclasses
import os
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from hakeeper.adapters.hetzner.options import SYSTEM_CA_FILES
from hakeeper.demo.cloud import CloudClient
from hakeeper.demo.lab import Lab, LabSettings, Node, VrrpInstance, VrrpSettings
from hakeeper.demo.lab.daemon import LogEntry, event_of
from hakeeper.demo.lab.netns import Namespace
from tests.bench import rig
from tests.bench.packaged import Service, service
from tests.outage.stage import VRRP

INSTANCE = "VI_1"
ADDRESS = "web"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """The nodes, `lab.nodes[0]` the best; the service of each under its name."""

    lab: Lab
    front: CloudClient
    services: dict[str, Service]

    @property
    def floating_ip(self) -> int:
        """The id of the one floating IP."""
        return self.lab.floating_ips[ADDRESS]

    def start(self) -> None:
        """Start everything, and wait until the first node has the address."""
        for each in self.services.values():
            each.start()
        self.lab.start_keepalived()
        self.wait_home(0)

    def wait_home(self, seen: int) -> None:
        """Wait until the first node is MASTER and has claimed, and all others have heard BACKUP.

        `seen`: so many entries of the first node's log do not count.
        """
        first, *others = self.lab.nodes
        self.lab.wait_for_master(first, timeout_s=rig.PATIENCE_S)
        wait_claimed(first, seen)
        for node in others:
            rig.until(lambda node=node: role_of(node) == "BACKUP", f"BACKUP on {node.name}")  # type: ignore[misc]


def role_of(node: Node) -> str:
    """Return the role that hakeeper has last told of, by its log."""
    for entry in reversed(node.hakeeper.entries()):
        if event_of(entry) == "role.changed":
            fields = entry.get("fields")
            return str(fields["role"]) if isinstance(fields, dict) else ""
    return ""


def wait_claimed(node: Node, seen: int) -> LogEntry:
    """Wait for `address.claimed`, not counting the first `seen` entries."""
    return node.hakeeper.wait_for_log(
        lambda entry: event_of(entry) == "address.claimed", timeout_s=rig.PATIENCE_S, after=seen
    )


def profile(name: str, nodes: int = 2) -> VrrpSettings:
    """Return a profile of conf/keepalived, `fast` or `plain`, for so many nodes."""
    return dataclasses.replace(
        VRRP[name], instances=(VrrpInstance(priorities=(150, 100, 50)[:nodes]),)
    )


def require() -> None:
    """Raise Unavailable where there can be no such nodes."""
    if os.geteuid() != 0:
        raise rig.Unavailable("network namespaces need root")
    reason = Lab.available()
    if reason is not None:
        raise rig.Unavailable(reason)


@contextlib.contextmanager
def cluster(
    place: Path, launcher: Path, settings: VrrpSettings, *, standby_interval: str = "60s"
) -> Iterator[Cluster]:
    """Have the nodes, with the default intervals; nothing of them is started."""
    lab_settings = LabSettings(vrrp=settings, interval="10s", standby_interval=standby_interval)
    with contextlib.ExitStack() as stack:
        cloud = stack.enter_context(rig.cloud(place / "cloud"))
        lab = stack.enter_context(Lab(lab_settings, cloud.front))
        services = {}
        authorities = stack.enter_context(_trusting(cloud.ca_file))
        for node in lab.nodes:
            _speak_tls(node)
            node.hakeeper._namespace = Trusting(node.namespace, authorities)
            services[node.name] = stack.enter_context(service(node.hakeeper, launcher))
        yield Cluster(lab=lab, front=cloud.front, services=services)


def _speak_tls(node: Node) -> None:
    """Change what the lab has configured, which is plain HTTP, as for the demo."""
    config = yaml.safe_load(node.hakeeper.config_path.read_text())
    config["hetzner"]["endpoint"] = node.endpoint.replace("http://", "https://")
    node.hakeeper.write_config(config)


class Trusting(Namespace):
    """A node's namespace, with files as another process sees them."""

    def __init__(self, namespace: Namespace, holder: int) -> None:
        self._network = namespace
        self._mounts = f"/proc/{holder}/ns/mnt"

    def inside(self, argv: list[str]) -> list[str]:
        return ["nsenter", f"--mount={self._mounts}", "--", *self._network.inside(argv)]

    def close(self) -> None:
        pass


@contextlib.contextmanager
def _trusting(ca_file: Path) -> Iterator[int]:
    """Yield the pid of a process for which the machine's authorities include the cloud's.

    So hakeeper loads what it loads on a server, and by the same way: no `ca_file` is configured.
    """
    system = next((path for path in SYSTEM_CA_FILES if path.exists()), None)
    if system is None:
        raise rig.Unavailable("the package ca-certificates is not installed")
    whole = ca_file.with_name("all.pem")
    whole.write_text(f"{system.read_text()}\n{ca_file.read_text()}")
    script = 'mount --bind "$0" "$1" && echo up && exec cat'
    with subprocess.Popen(
        ["unshare", "--mount", "--", "sh", "-c", script, str(whole), str(system)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    ) as holder:
        try:
            assert holder.stdout is not None
            if holder.stdout.readline() != b"up\n":
                raise rig.Unavailable("cannot mount in a namespace of our own")
            yield holder.pid
        finally:
            holder.communicate()


def quiet(cluster: Cluster, for_s: float) -> None:
    """Wait until no request has come for so long."""

    def found() -> bool:
        seen = [
            max(one.received_s, one.answered_s or 0.0) for one in cluster.front.requests()[-20:]
        ]
        return not seen or time.monotonic() - max(seen) >= for_s

    rig.until(found, "a quiet moment", poll_s=0.05)
