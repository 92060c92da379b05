"""Several servers with real keepalived and real hakeeper, on one machine."""

import contextlib
import os
import shutil
import string
import subprocess
import tempfile
import time
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from hakeeper.core.model import Role, VrrpId, VrrpKind
from hakeeper.demo.cloud import CloudFront
from hakeeper.demo.lab.assembly import Assembly
from hakeeper.demo.lab.keepalived import find_keepalived
from hakeeper.demo.lab.netns import Namespace
from hakeeper.demo.lab.network import NETWORK, RANGE, Switch
from hakeeper.demo.lab.node import Access, Node
from hakeeper.demo.lab.reaping import adopting_orphans
from hakeeper.demo.lab.vrrp_conf import VrrpSettings
from hakeeper.demo.lab.waiting import LabError, wait_until
from hakeeper.demo.lab.witness import Witness

T = TypeVar("T")

_PROGRAMS = ("ip", "bridge", "nsenter", "unshare", "setpriv")


@dataclass(frozen=True, slots=True, kw_only=True)
class LabSettings:
    """What to build."""

    vrrp: VrrpSettings = field(default_factory=VrrpSettings)
    floating_ips: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: {"VI_1": ("web",)})
    """By instance: the names of its floating IPs, which the lab creates in the cloud."""
    group_floating_ips: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The same by sync group."""
    alias_ips: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By instance: its alias IPs, in a network with the nodes' addresses that the lab creates."""
    interval: str = "1s"
    standby_interval: str = "2s"
    vrrp_address: bool = False
    """Whether hakeeper's configuration has the node's private address as `vrrp_address`."""

    @property
    def node_count(self) -> int:
        """One node per priority."""
        return len(self.vrrp.instances[0].priorities)


class Lab(Assembly):
    """A context manager; leaving it ends every process, namespace and directory it made.

    It starts nothing by itself: call `start_keepalived` and `node.hakeeper.start()`. Processes die
    with the thread that started them, so start them from a thread that stays.
    """

    def __init__(self, settings: LabSettings, cloud: CloudFront | None = None) -> None:
        """Prepare the lab; without a cloud there is only keepalived, and no hakeeper."""
        super().__init__()
        self.settings = settings
        self.cloud = cloud
        self.floating_ips: dict[str, int] = {}
        """The ids of the floating IPs, by name."""
        self.network = 0
        """The id of the private network, if there are alias IPs."""
        self.nodes: tuple[Node, ...] = ()
        self._witness: Witness | None = None
        self._switch: Switch | None = None

    @staticmethod
    def available() -> str | None:
        """Return why a lab cannot run here, or None if it can."""
        if os.geteuid() != 0:
            return "not root"
        if find_keepalived() is None:
            return "keepalived is not installed"
        for program in _PROGRAMS:
            if shutil.which(program) is None:
                return f"{program} is not installed"
        try:
            with Namespace("probe") as probe:
                probe.ip("link add probe0 type bridge", "link add probe1 type veth")
        except (LabError, OSError, subprocess.SubprocessError) as error:
            return str(error)
        return None

    # --- building --------------------------------------------------------------------------

    def _build(self) -> None:
        stack, settings = self._stack, self.settings
        stack.enter_context(adopting_orphans())
        folder = Path(tempfile.mkdtemp(prefix="hakeeper-lab-"))
        stack.callback(shutil.rmtree, folder)
        switch = Switch(stack.enter_context(Namespace("switch")))
        self._switch = switch
        names = string.ascii_lowercase[: settings.node_count]
        self.nodes = tuple(Node(name, folder / name, switch, stack) for name in names)
        self._witness = Witness({node.name: node.paths.witness_fifo for node in self.nodes})
        stack.callback(self._witness.close)
        ips = tuple(node.station.ip for node in self.nodes)
        for number, node in enumerate(self.nodes):
            if settings.vrrp.dbus:
                node.add_bus(stack)
            node.add_keepalived(
                settings.vrrp, number=number, ips=ips, on_death=self._death_of(node), stack=stack
            )
        if self.cloud is not None:
            self._build_cloud(self.cloud)

    def _build_cloud(self, cloud: CloudFront) -> None:
        """Create a server, a token and a hakeeper for every node, and what they share."""
        named = (self.settings.floating_ips, self.settings.group_floating_ips)
        names = [name for each in named for refs in each.values() for name in refs]
        for number, name in enumerate(names, start=10):
            self.floating_ips[name] = cloud.add_floating_ip(name, f"203.0.113.{number}")
        if self.settings.alias_ips:  # before the servers, which are attached to it then
            self.network = cloud.add_network(NETWORK, RANGE)
        url = urllib.parse.urlsplit(cloud.url)
        for node in self.nodes:
            access = Access(
                address=(url.hostname or "127.0.0.1", url.port or 80),
                server_id=cloud.add_server(f"node-{node.name}", private_ips=[node.station.ip]),
                token=cloud.add_client(node.name),
            )
            node.add_hakeeper(access, self._hakeeper_config(node), self._stack)

    def _death_of(self, node: Node) -> Callable[[], None]:
        return lambda: self.witness.gone(node.name)

    def _hakeeper_config(self, node: Node) -> dict[str, object]:
        settings = self.settings
        checked = {"vrrp_address": node.station.ip} if settings.vrrp_address else {}

        def section(addresses: Mapping[str, tuple[str, ...]]) -> dict[str, dict[str, object]]:
            return {
                name: {"floating_ips": list(refs), **checked} for name, refs in addresses.items()
            }

        instances = section(settings.floating_ips)
        for name, ips in settings.alias_ips.items():
            instances[name] = {**instances.get(name, checked), "alias_ips": list(ips)}
        config: dict[str, object] = {"instances": instances}
        if settings.group_floating_ips:
            config["groups"] = section(settings.group_floating_ips)
        config["reconcile"] = {
            "interval": settings.interval,
            "standby_interval": settings.standby_interval,
        }
        return config

    # --- using -----------------------------------------------------------------------------

    @property
    def witness(self) -> Witness:
        """The lab's own record of all roles."""
        if self._witness is None:
            raise LabError("the lab is not entered")
        return self._witness

    @contextlib.contextmanager
    def another_host(self, name: str) -> Iterator[Namespace]:
        """Connect another host to the private network, which is not a node and runs nothing."""
        if self._switch is None:
            raise LabError("the lab is not entered")
        with Namespace(name) as namespace:
            self._switch.plug_in(namespace)
            yield namespace

    def node(self, name: str) -> Node:
        """Return the node with this name: a, b, ..."""
        return next(node for node in self.nodes if node.name == name)

    def start_keepalived(self) -> None:
        """Start keepalived on all nodes, at about the same time."""
        for node in self.nodes:
            node.keepalived.start()

    def start_hakeeper(self) -> None:
        """Start hakeeper on all nodes, and wait until each has its FIFO open."""
        for node in self.nodes:
            node.hakeeper.start()

    def wait_for_master(
        self, node: Node, vrrp: VrrpId | str = "VI_1", *, timeout_s: float = 15
    ) -> None:
        """Wait until keepalived of `node` has reported MASTER."""
        self.witness.wait_for_role(node.name, vrrp, {Role.MASTER}, timeout_s=timeout_s)

    def masters(self, instance: str = "VI_1") -> tuple[Node, ...]:
        """The nodes whose keepalived reports MASTER when asked now."""
        return tuple(node for node in self.nodes if node.keepalived.is_master(instance))

    def vrrp_roles(self, instance: str = "VI_1") -> dict[str, Role]:
        """The role that each node's keepalived reports when asked now; UNKNOWN if none runs."""
        return {
            node.name: node.keepalived.states().get(instance, Role.UNKNOWN)
            if node.keepalived.running
            else Role.UNKNOWN
            for node in self.nodes
        }

    def claims(self) -> Iterator[tuple[VrrpId, int]]:
        """Which instance or group claims which floating IP (by id)."""
        kinds = (
            (VrrpKind.INSTANCE, self.settings.floating_ips),
            (VrrpKind.GROUP, self.settings.group_floating_ips),
        )
        for kind, addresses in kinds:
            for vrrp_name, names in addresses.items():
                for name in names:
                    yield VrrpId(kind, vrrp_name), self.floating_ips[name]

    def instance_behind(self, vrrp: VrrpId) -> str:
        """Return an instance with the role of `vrrp`; for a group, its first member."""
        if vrrp.kind is VrrpKind.INSTANCE:
            return vrrp.name
        return self.settings.vrrp.sync_groups[vrrp.name][0]

    def wait_until(
        self, condition: Callable[[], T | None], *, timeout_s: float, what: str | Callable[[], str]
    ) -> T:
        """Poll `condition` until it is truthy; see `waiting.wait_until`."""
        return wait_until(condition, timeout_s=timeout_s, what=what)

    def report(self) -> str:
        """Everything that helps to analyse a failure."""
        lines = [f"now {time.monotonic():.3f}"]
        lines += [
            f"{heard.at_s:.3f} {heard.node} {heard.line.vrrp} {heard.line.state.value}"
            for heard in self.witness.heard()[-100:]
        ]
        return "\n".join([*lines, *(node.report() for node in self.nodes)])
