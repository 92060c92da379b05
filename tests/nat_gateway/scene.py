"""Two NAT gateways with real keepalived and real hakeeper, a server behind them, and the internet.

    client ── sdn ──┬── gw-a ──┬── internet
                    └── gw-b ──┘

`sdn` is Hetzner's private network: see `private_network.py`.
"""

import contextlib
import os
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit

import yaml

from hakeeper.core.model import Role
from hakeeper.demo.cloud import Fault, SimCloud
from hakeeper.demo.lab import HakeeperProcess, Keepalived, Lab, is_event, wait_until
from hakeeper.demo.lab.assembly import Assembly
from hakeeper.demo.lab.bus import Bus
from hakeeper.demo.lab.netns import Namespace
from hakeeper.demo.lab.reaping import adopting_orphans
from hakeeper.demo.lab.relay import ApiRelay, Way
from tests.nat_gateway import guide
from tests.nat_gateway.private_network import ALIAS, CLIENT, PRIVATE, RANGE, PrivateNetwork
from tests.nat_gateway.traffic import PATIENCE_S, Outage, Sender, serve

PUBLIC = "eth0"
"""The interface of a server at Hetzner."""
_PUBLIC_GATEWAY, WORLD = "172.31.1.1", "192.0.2.80"


def unavailable() -> str | None:
    """Say why there can be no gateways here, or None."""
    return Lab.available()


class Gateway:
    """One of the two, set up by the page."""

    def __init__(self, place: Path, name: str, number: int, stack: contextlib.ExitStack) -> None:
        self.name = name
        self.ip, self.public_ip = f"10.0.0.{number}", f"198.51.100.{number}"
        self.folder = place / name
        self.folder.mkdir()
        self._stack = stack
        self.namespace = stack.enter_context(Namespace(name))
        self.fifo = self.folder / "notify.fifo"
        os.mkfifo(self.fifo, 0o600)
        self.bus = Bus(self.folder, name)
        stack.callback(self.bus.close)
        self.server = 0
        self.noted: list[str] = []
        """What the page says and only a whole machine can do."""

    def set_up(self, cloud: SimCloud, network: int) -> None:
        """Carry out the page; start nothing."""
        guide.carry_out(guide.PASS_ON, self.namespace, self.folder)
        self.noted = guide.carry_out(guide.HA, self.namespace, self.folder)
        self.server = cloud.add_server(f"gw-{self.name}", ipv4=self.public_ip)
        cloud.attach(self.server, network, self.ip)
        self.keepalived = Keepalived(
            self.name,
            self.folder,
            namespace=self.namespace,
            conf=self._keepalived_conf(),
            environment=self.bus.environment,
            on_death=lambda: None,
        )
        self._stack.callback(self.keepalived.close)
        self._add_hakeeper(cloud)

    def _keepalived_conf(self) -> str:
        """Return this gateway's file of the pair, with a FIFO and a user of its own."""
        assert (self.folder / "etc/keepalived/keepalived.conf").exists(), "the page installs one"
        text = (guide.EXAMPLES / f"nat-gateway/keepalived-{self.name}.conf").read_text()
        line = "vrrp_notify_fifo /run/hakeeper/notify.fifo hakeeper hakeeper"
        assert text.count(line) == 1
        return text.replace(line, f"vrrp_notify_fifo {self.fifo} root")

    def _add_hakeeper(self, cloud: SimCloud) -> None:
        url = urlsplit(cloud.url)
        self.relay = ApiRelay(self.namespace, (url.hostname or "", url.port or 0))
        self._stack.callback(self.relay.close)
        token = self.folder / "token"
        token.touch(mode=0o600)
        token.write_text(cloud.add_client(self.name))
        config = yaml.safe_load((self.folder / "etc/hakeeper/hakeeper.yaml").read_text())
        config["instances"]["VI_1"]["vrrp_address"] = self.ip
        self.hakeeper = HakeeperProcess(
            self.name,
            self.folder,
            namespace=self.namespace,
            config={
                **config,
                "server": self.server,
                "keepalived": {
                    "fifo": str(self.fifo),
                    "pid_file": str(self.keepalived.pid_path),
                },
                "hetzner": {
                    "endpoint": f"http://127.0.0.1:{self.relay.port}/v1",
                    "token_file": str(token),
                },
            },
            environment=self.bus.environment,
        )
        self._stack.callback(self.hakeeper.close)

    def wait_for_role(self, role: Role) -> None:
        """Wait until hakeeper knows of it, and keepalived says so, too."""

        def there() -> bool:
            return self._known() == role.value and self.keepalived.states().get("VI_1") is role

        wait_until(there, timeout_s=PATIENCE_S, what=f"{self.name} to be {role.value}")

    def _known(self) -> object:
        for entry in reversed(self.hakeeper.entries()):
            fields = entry.get("fields")
            if is_event("role.changed")(entry) and isinstance(fields, dict):
                return fields["role"]
        return None

    def lose_power(self) -> None:
        """Let it be dead at one blow to everybody."""
        for name in (PRIVATE, PUBLIC):
            self.namespace.ip(f"link set {name} down")
        self.relay.set_way(Way.SILENT)
        self.keepalived.kill_all()
        self.hakeeper.kill()


class Scene(Assembly):
    """A context manager; leaving it ends all that it made."""

    def __init__(self, *, latency_s: float = 0.0, action_s: float = 0.0) -> None:
        super().__init__()
        self._latency_s, self._action_s = latency_s, action_s

    def _build(self) -> None:
        stack = self._stack
        stack.enter_context(adopting_orphans())
        self.folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hakeeper-nat-")))
        self.cloud = stack.enter_context(SimCloud())
        self.cloud.set_rules(action_s=self._action_s, holder_at_accept=False)
        if self._latency_s:
            self.cloud.fault(Fault(delay_s=self._latency_s))
        self.network = self.cloud.add_network("internal", RANGE)
        self.private = PrivateNetwork(stack)
        self.internet = stack.enter_context(Namespace("internet"))
        self.internet.ip(f"address add {WORLD}/32 dev lo")
        self.a = Gateway(self.folder, "a", 2, stack)
        self.b = Gateway(self.folder, "b", 3, stack)
        for gateway in self.gateways:
            self.private.attach(gateway.namespace, gateway.name, gateway.ip)
            self._connect(gateway)
            gateway.set_up(self.cloud, self.network)
        self.client = stack.enter_context(Namespace("client"))
        self.private.attach(self.client, "client", CLIENT)
        guide.carry_out(guide.BEHIND, self.client, self.folder)
        stack.enter_context(self._delivery())
        serve(self.internet, self.folder, stack, WORLD)

    @property
    def gateways(self) -> tuple[Gateway, Gateway]:
        """Both, the preferred one first."""
        return self.a, self.b

    def _connect(self, gateway: Gateway) -> None:
        """Connect a gateway to the internet."""
        port = f"to-{gateway.name}"
        namespace = gateway.namespace
        self.internet.ip(f"link add {port} type veth peer name {PUBLIC} netns {namespace.pid}")
        self.internet.ip(
            f"address add {_PUBLIC_GATEWAY}/32 dev {port}",
            f"link set {port} up",
            f"route add {gateway.public_ip}/32 dev {port}",
        )
        namespace.ip(
            f"address add {gateway.public_ip}/32 dev {PUBLIC}",
            f"link set {PUBLIC} up",
            f"route add {_PUBLIC_GATEWAY} dev {PUBLIC}",
            f"route add default via {_PUBLIC_GATEWAY} dev {PUBLIC}",
        )

    def _delivery(self) -> contextlib.AbstractContextManager[None]:
        """Have the private network deliver to whoever has the alias IP."""
        ways = {each.server: f"via {each.ip} dev to-{each.name} onlink" for each in self.gateways}
        return self.private.delivery(self.cloud, self.network, ways)

    # --- acting -----------------------------------------------------------------------------------

    def start(self) -> None:
        """Start everything, and wait until all is as it should be."""
        for gateway in self.gateways:
            gateway.hakeeper.start()
        for gateway in self.gateways:
            gateway.keepalived.start()
        self.a.wait_for_role(Role.MASTER)
        self.b.wait_for_role(Role.BACKUP)
        self.wait_with(self.a)

    def wait_with(self, gateway: Gateway) -> None:
        """Wait until a gateway has the alias IP, and the network delivers there."""
        wait_until(
            lambda: self.private.delivers_to == gateway.server,
            timeout_s=PATIENCE_S,
            what=lambda: f"{gateway.name} to have {ALIAS}: {self.cloud.aliases(self.network)}",
        )

    def sending(self) -> Sender:
        """Let the server behind send, until the scene ends or it is asked what it saw."""
        return Sender(self.client, self.folder, self._stack, WORLD)

    def report(self) -> str:
        """Return the ends of all logs, for a failure report."""
        return "\n".join(
            f"--- {path} ---\n{path.read_text(errors='replace')[-5000:]}"
            for path in sorted(self.folder.glob("**/*.log"))
        )


HOW = ("killed", "without power", "stopped")


def fail_over(scene: Scene, how: str) -> Outage:
    """Let the server behind send, let the master gateway fail, and return what that cost."""
    sender = scene.sending()
    sender.wait_steady(scene.a.public_ip)
    failed_s = time.monotonic()
    match how:
        case "killed":
            scene.a.keepalived.kill_all()
        case "without power":
            scene.a.lose_power()
        case _:
            scene.a.keepalived.stop()
    scene.wait_with(scene.b)
    sender.wait_steady(scene.b.public_ip)
    sender.wait_ended()
    return sender.outage(failed_s)
