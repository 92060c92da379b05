"""Two machines that are NAT gateways by the text of docs/nat-gateway.md, and both of their ends.

    client ── sdn ──┬── web-a ──┬── server
                    └── web-b ──┘

`sdn` is Hetzner's private network as `tests.nat_gateway` has it: a router that delivers to whoever
has the alias IP in the simulated cloud. It is plugged into the machines' private LAN, where ports
can be cut; each machine's own address is a /32 there, as at Hetzner, so they reach each other and
the client through it alone. The server is a host on the public LAN.
"""

import re
from pathlib import Path

from hakeeper.demo.lab.assembly import Assembly
from hakeeper.demo.lab.netns import Namespace
from tests.e2e.alias_ips import Aliases
from tests.e2e.disk import Disk
from tests.e2e.guide import add_witness
from tests.e2e.machine import PRIVATE, Machine
from tests.e2e.pair import Pair, Site
from tests.nat_gateway import guide
from tests.nat_gateway.private_network import ALIAS, CLIENT, FIRST, RANGE, PrivateNetwork
from tests.nat_gateway.traffic import Sender, serve

SERVER = "198.51.100.80"
FOREIGN = {"web-a": "10.0.0.201", "web-b": "10.0.0.202"}
"""Alias IPs that nobody has told hakeeper of."""
ACTION_S = 1.0
"""How long each of Hetzner's actions takes."""
LIMIT_PER_HOUR = 36_000
"""Ten times Hetzner's: with that, who fails over as often as these tests has to save calls."""
CONFIG = "/etc/hakeeper/hakeeper.yaml"
CONF = "/etc/keepalived/keepalived.conf"
_NETWORK = f"""\
[Match]
Name={PRIVATE}
[Network]
Address=@OWN@/32
LinkLocalAddressing=no
IPv6AcceptRA=no
[Route]
Destination={FIRST}/32
Scope=link
[Route]
Destination={RANGE}
Gateway={FIRST}
GatewayOnLink=yes
"""
# The one addition of the test: `settle` need not wait for a minute then.
_LOOK_OFTEN = "reconcile:\n  interval: 2s\n  standby_interval: 5s\n"


class Gateways(Assembly):
    """A context manager: the pair is on, set up by the page, and web-a has the alias IP."""

    def __init__(
        self, site: Site, place: Path, layers: tuple[tuple[Path, ...], tuple[Path, ...]]
    ) -> None:
        """`layers`: disks on which docs/install.md was carried out."""
        super().__init__()
        self._site, self._place, self._layers = site, place, layers

    def _build(self) -> None:
        stack = self._stack
        self.pair = stack.enter_context(Pair(self._site, self._place / "pair", layers=self._layers))
        try:
            self._surround()
            for one in self.pair.machines:
                prepare(one, one.disk)
            self.pair.switch_on()
            for one in self.pair.machines:
                set_up(one)
            self.pair.settle(self.pair.a)
        except BaseException:
            print(self.pair.report())  # noqa: T201  # pytest shows it with the failure
            raise

    def _surround(self) -> None:
        """Make the private network, both ends, and what the judgement has to know."""
        pair, cloud, stack = self.pair, self.pair.cloud, self._stack
        cloud.set_rules(action_s=ACTION_S)
        cloud.set_rate_limit(LIMIT_PER_HOUR, remaining=LIMIT_PER_HOUR)
        pair.with_floating_ip = False
        foreign = {pair.servers[name]: ip for name, ip in FOREIGN.items()}
        for server, ip in foreign.items():
            cloud.set_alias_ips(server, pair.network, [ip])
        pair.aliases = Aliases(
            cloud, pair.network, moving=(ALIAS,), foreign=foreign, servers=pair.servers
        )
        self.aliases = pair.aliases

        self.private = PrivateNetwork(stack)
        sdn, port = self.private.namespace, "machines"
        self._site.private.plug_in("sdn", sdn, port)
        self.private.serve(port, *(one.private_ip for one in pair.machines))
        ways = {
            pair.servers[one.name]: f"via {one.private_ip} dev {port} onlink"
            for one in pair.machines
        }
        stack.enter_context(self.private.delivery(cloud, pair.network, ways))

        self.client = stack.enter_context(Namespace("client"))
        self.private.attach(self.client, "client", CLIENT)
        for block in guide.blocks()[guide.BEHIND]:
            self.client.run("bash", "-euc", block)

        internet = stack.enter_context(Namespace("internet"))
        self._site.public.plug_in("internet", internet, "eth0")
        internet.ip(f"address add {SERVER}/24 dev eth0", "link set eth0 up")
        serve(internet, self._place, stack, SERVER)

    def sending(self) -> Sender:
        """Let the client send, until the end or until it is asked what it saw."""
        return Sender(self.client, self._place, self._stack, SERVER)

    def seen(self) -> set[str]:
        """Return the addresses that the server sees the client come from, as the page looks."""
        return set(self.client.run("bash", "-euc", guide.three_looks(SERVER)).split())


def prepare(machine: Machine, disk: Disk) -> None:
    """Take back what the page does otherwise than docs/install.md, on a machine that is off."""
    for path in (CONFIG, CONF):
        (disk.root / path.lstrip("/")).unlink()
    disk.write(
        f"/etc/systemd/network/10-{PRIVATE}.network", _NETWORK.replace("@OWN@", machine.private_ip)
    )


def set_up(machine: Machine) -> None:
    """Carry out both sections of the page that are about gateways, as it says for this one."""
    blocks = guide.blocks()
    for block in blocks[guide.PASS_ON]:
        machine.shell(block, given="y\n")  # apt asks
    copy, start = blocks[guide.HA]
    letter = machine.name[-1]
    assert copy.count("keepalived-a.conf") == 1
    machine.shell(copy.replace("keepalived-a.conf", f"keepalived-{letter}.conf"))
    config = machine.run("cat", CONFIG)
    config, count = re.subn("(?<=vrrp_address: )[0-9.]+", machine.private_ip, config)
    assert count == 1
    machine.write(CONFIG, config + _LOOK_OFTEN)
    add_witness(machine, f"{CONF}.new")
    machine.shell(start)
