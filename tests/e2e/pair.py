"""Two machines, the simulated cloud as a third host, and the judgement that ends every scenario."""

import contextlib
import ssl
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from hakeeper.core.model import Role, VrrpId, VrrpKind
from hakeeper.demo.cloud import LoggedRequest, SimCloud
from hakeeper.demo.lab import LabError, Witness, wait_until, was_master
from hakeeper.demo.lab.assembly import Assembly
from tests.e2e.alias_ips import Aliases
from tests.e2e.disk import Disk
from tests.e2e.lan import Lan
from tests.e2e.machine import PATIENCE_S, Machine, heard_from

API_HOST = "api.hetzner.cloud"
ROBOT_HOST = "robot-ws.your-server.de"
PAGES_HOST = "hakeeper.github.io"
"""Where apt finds the project's repository."""
THIRD_HOST = "198.51.100.1"
"""The test itself on the public network: the cloud, and everybody's way out."""
FLOATING_IP = "203.0.113.10"
PROBE = "/v1/floating_ips/0/actions/assign"
"""What `hakeeper check --online` asks to learn whether the token may write; it names no address."""
VRRP = VrrpId(VrrpKind.INSTANCE, "VI_1")
PRIVATE_RANGE = "10.0.0.0/24"


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What all pairs share: networks, and the certificate of the cloud and the repository."""

    public: Lan
    private: Lan
    certfile: Path
    keyfile: Path
    authority_pem: str


def token_of(name: str) -> str:
    """Return the first token of a machine; of the shape that Hetzner's have."""
    return (name.replace("-", "") + "x" * 64)[:64]


class Pair(Assembly):
    """A context manager: machines `web-a` (preferred) and `web-b`, off at first, and a cloud."""

    def __init__(
        self,
        site: Site,
        folder: Path,
        *,
        layers: tuple[tuple[Path, ...], tuple[Path, ...]],
    ) -> None:
        super().__init__()
        self._site = site
        self.machines: tuple[Machine, ...] = ()
        self._folder, self._layers = folder, layers
        self._moved = 0
        self._begun_seq = 0
        self.with_floating_ip = True
        """Set to False by a test whose master is to have alias IPs alone."""
        self.aliases: Aliases | None = None
        """Set by a test whose master is to have alias IPs too."""

    def _build(self) -> None:
        folder, layers = self._folder, self._layers
        stack = self._stack
        for number, name in ((2, "web-a"), (3, "web-b")):
            place = folder / name
            disk = Disk(place / "disk", layers[number - 2])
            stack.callback(disk.close)
            machine = Machine(name, number=number, folder=place, disk=disk)
            stack.callback(machine.close)
            self.machines = (*self.machines, machine)
        self.witness = Witness({one.name: one.witness_fifo for one in self.machines})
        stack.callback(self.witness.close)
        self.cloud = stack.enter_context(self._open_cloud())

    def _open_cloud(self) -> SimCloud:
        """A cloud on port 443 of the third host, and a metadata service for each machine."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._site.certfile, self._site.keyfile)
        cloud = SimCloud(
            host=THIRD_HOST, port=443, control_host="127.0.0.1", tls=context,
            allow_non_loopback=True,
        )  # fmt: skip
        self.floating_ip = cloud.add_floating_ip("web", FLOATING_IP)
        self.network = cloud.add_network("internal", PRIVATE_RANGE)
        self.servers = {}
        for one in self.machines:
            self.servers[one.name] = cloud.add_server(
                one.name, ipv4=one.public_ip, private_ips=[one.private_ip]
            )
            cloud.add_client(one.name, token=token_of(one.name))
            cloud.metadata_url(
                self.servers[one.name], host=THIRD_HOST, port=metadata_port(one.number)
            )
        return cloud

    # --- machines ------------------------------------------------------------------------------

    @property
    def a(self) -> Machine:
        """The preferred one."""
        return self.machines[0]

    @property
    def b(self) -> Machine:
        """The other one."""
        return self.machines[1]

    def machine(self, name: str) -> Machine:
        """The machine with this name."""
        return next(one for one in self.machines if one.name == name)

    def personalize(self) -> None:
        """Write to fresh disks what tells these machines from others, and trust in the cloud."""
        for one in self.machines:
            one.personalize()
            one.disk.write("/etc/hosts", f"127.0.0.1 localhost\n{THIRD_HOST} {API_HOST}\n")
            bundle = one.disk.root / "etc/ssl/certs/ca-certificates.crt"
            bundle.write_text(bundle.read_text() + self._site.authority_pem)

    def switch_on(self, *machines: Machine) -> None:
        """Boot machines (default: all) at the same time, and wait until they are up."""
        chosen = machines or self.machines
        for one in chosen:
            one.switch_on(self._site.public, self._site.private)
        for one in chosen:
            one.wait_until_up()

    def cut_power(self, machine: Machine) -> None:
        """Cut the power of a machine; its keepalived says nothing more."""
        machine.cut_power()
        self.witness.catch_up()
        self.witness.gone(machine.name)

    @contextlib.contextmanager
    def private_cut(self, machine: Machine) -> Iterator[None]:
        """Cut the private network at a machine, for the length of a `with` block."""
        self._site.private.cut(machine.name)
        try:
            yield
        finally:
            self._site.private.heal(machine.name)

    @contextlib.contextmanager
    def public_cut(self, machine: Machine) -> Iterator[None]:
        """Cut the public network, the way to the API, likewise."""
        self._site.public.cut(machine.name)
        try:
            yield
        finally:
            self._site.public.heal(machine.name)

    # --- judging -------------------------------------------------------------------------------

    def holder(self) -> str | None:
        """The name of the machine that owns the floating IP."""
        holder = self.cloud.holder(self.floating_ip)
        return next((name for name, server in self.servers.items() if server == holder), None)

    def roles(self) -> dict[str, Role]:
        """What each keepalived says when asked now."""
        return {one.name: one.vrrp_role() for one in self.machines}

    def wait_for_master(self, machine: Machine) -> None:
        """Wait until a machine's keepalived says MASTER."""
        self.witness.wait_for_role(machine.name, VRRP, {Role.MASTER}, timeout_s=PATIENCE_S)

    def settle(self, master: Machine) -> None:
        """Wait until `master` alone is VRRP master and has each address, and judge all writes.

        "Has" means: its hakeeper has looked once more since, and nothing moved. Raises LabError.
        """
        deadline_s = time.monotonic() + PATIENCE_S
        calm = False
        while not calm:
            wait_until(
                lambda: not self._misplaced(master),
                timeout_s=max(0.0, deadline_s - time.monotonic()),
                what=lambda: (
                    f"{master.name} alone to be master and holder: " + self._misplaced(master)
                ),
            )
            self._wait_for_another_look(master)
            calm = not self._misplaced(master)
        wrongs = self.wrongful_assigns()
        if wrongs:
            raise LabError("; ".join(wrongs))

    def _misplaced(self, master: Machine) -> str:
        """Say what is wrong; an empty text if `master` alone is master, and holder.

        keepalived is asked when all else is right: its lines are there without asking.
        """
        heard = {one.name: self.witness.role(one.name, VRRP) for one in self.machines}
        return self._wrong(heard, master) or self._wrong(self.roles(), master)

    def _wrong(self, roles: Mapping[str, Role], master: Machine) -> str:
        masters = [name for name, role in roles.items() if role is Role.MASTER]
        holder = self.holder()
        if masters == [master.name] and holder == (master.name if self.with_floating_ip else None):
            if self.aliases is None:
                return ""
            return self.aliases.misplaced(self.servers[master.name])
        shown = ", ".join(f"{name} {role.value}" for name, role in roles.items())
        return f"{shown}; the address is with {holder}"

    def _wait_for_another_look(self, machine: Machine) -> None:
        seen = len(self.cloud.requests())
        wait_until(
            lambda: any(
                one.seq > seen and one.answered_s is not None
                for one in self.cloud.requests(client=machine.name, after_seq=seen)
            ),
            timeout_s=PATIENCE_S,
            what=f"hakeeper of {machine.name} to look at the cloud",
        )

    def wrongful_assigns(self) -> list[str]:
        """Name every write that was not the own one of a node that was VRRP master then."""
        self.witness.catch_up()
        wrongs = []
        for one in self._writes_after(0):
            what = f"{one.received_s:.3f}: {one.client or 'somebody'} sent {one.path} {one.body}"
            why = self._objection(one)
            if why is not None:
                wrongs.append(f"{what}, {why}")
            elif not was_master(self.witness, one, VRRP):
                wrongs.append(f"{what} while not MASTER")
        if self.aliases is not None:
            wrongs += self.aliases.wrong_changes()
        return wrongs

    def _objection(self, one: LoggedRequest) -> str | None:
        """Say why this write would be wrong for a MASTER too."""
        if one.is_alias_write and self.aliases is not None:
            return self.aliases.objection(one)
        if not self.with_floating_ip or not one.is_assign or one.floating_ip != self.floating_ip:
            return "which is no assign of the address"
        if one.server != self.servers.get(one.client):
            return "which is not its own server"
        return None

    def _writes_after(self, after_seq: int) -> list[LoggedRequest]:
        sent = self.cloud.requests(method="POST", after_seq=after_seq)
        return [one for one in sent if one.path != PROBE]

    def writes(self) -> list[LoggedRequest]:
        """Return what was sent to change something, with any result, since `begin`."""
        return self._writes_after(self._begun_seq)

    def writers(self) -> set[str]:
        """Who has sent such a write since `begin`."""
        return {one.client for one in self.writes()}

    def begin(self) -> None:
        """Let `moves` and `writes` start here. Of two that boot at once the other may be first."""
        self._moved = len(self.cloud.moves(self.floating_ip))
        self._begun_seq = max((one.seq for one in self.cloud.requests()), default=0)

    def moves(self) -> list[str | None]:
        """Return the machines that the address went to since `begin`, one after the other."""
        names: Mapping[int | None, str] = {server: name for name, server in self.servers.items()}
        return [
            names.get(change.new) for change in self.cloud.moves(self.floating_ip)[self._moved :]
        ]

    def report(self) -> str:
        """Everything that helps to understand a failure."""
        parts = [one.report() for one in self.machines]
        for one in self.machines:
            parts += [f"===== lines of {one.name}", *heard_from(one, self.witness.heard())[-60:]]
        parts += [f"===== now {time.monotonic():.3f}, the cloud's log"]
        parts += [
            f"{each.received_s:.3f} {each.client} {each.method} {each.path} {each.query} "
            f"{each.body if each.is_write else ''} {each.status} {each.code}"
            for each in self.cloud.requests()[-80:]
        ]
        parts += ["===== holders", *map(str, self.cloud.holder_changes())]
        parts += ["===== alias IPs", *map(str, self.cloud.alias_changes())]
        return "\n".join(parts)


def metadata_port(number: int) -> int:
    """Where the metadata service of a machine listens on the third host."""
    return 8000 + number


def redirect_metadata() -> None:
    """Lead each machine's 169.254.169.254 to its own metadata service."""
    rules = "\n".join(
        f"ip saddr 198.51.100.{number} ip daddr 169.254.169.254 tcp dport 80 "
        f"dnat to {THIRD_HOST}:{metadata_port(number)}"
        for number in (2, 3)
    )
    table = (
        "table ip metadata { chain incoming { type nat hook prerouting priority dstnat;\n"
        f"{rules}\n}}\n}}\n"
    )
    done = subprocess.run(
        ["nft", "-f", "-"], input=table, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise OSError(f"nft: {done.stderr}")
