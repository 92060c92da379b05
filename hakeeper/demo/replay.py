"""The stage without keepalived: writes recorded lines to the FIFOs.

It needs no root, no namespaces and no keepalived. hakeeper is as real as on the live stage.
"""

import heapq
import os
import shutil
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from hakeeper.core.model import Role, VrrpId, VrrpKind
from hakeeper.core.roles.lines import LineReader, LineState, NotifyLine
from hakeeper.demo import recording
from hakeeper.demo.cloud import ON_LOOPBACK, CloudFront
from hakeeper.demo.history import ADDRESS, ALIAS, INSTANCE
from hakeeper.demo.lab import HakeeperProcess, LabError
from hakeeper.demo.lab.assembly import Assembly
from hakeeper.demo.lab.netns import Namespace
from hakeeper.demo.lab.network import NETWORK, RANGE
from hakeeper.demo.lab.witness import RoleChange
from hakeeper.demo.recording import Line
from hakeeper.demo.stage import ADDRESS_NAME, FOREIGN, INTERVAL, PRIORITIES, Server

_PRIVATE_IPS = {"a": "10.99.0.1", "b": "10.99.0.2"}
_ROLES = {LineState.MASTER: Role.MASTER, LineState.BACKUP: Role.BACKUP}


class _HostNetwork(Namespace):
    """The host's own network: nothing is created, and nothing is entered."""

    def __init__(self) -> None:
        self.name = "host"

    def inside(self, argv: list[str]) -> list[str]:
        """Return the command as it is."""
        return argv

    def close(self) -> None:
        """Do nothing."""


class ReplayStage(Assembly):
    """Two servers with recorded keepalived and real hakeeper; see `Stage`."""

    voice = "recording"
    power_cut = "kill -9 of hakeeper, and its recording ends"

    def __init__(self, cloud: CloudFront) -> None:
        super().__init__()
        self.cloud = cloud
        self.servers: tuple[Server, ...] = ()
        self.floating_ip = 0
        self.network = 0
        self._folder = Path()
        self._due: list[tuple[float, int, Line]] = []
        self._written = 0
        self._changes: list[RoleChange] = []
        self._dead: set[str] = set()

    # --- building --------------------------------------------------------------------------

    def _build(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="hakeeper-demo-"))
        self._stack.callback(shutil.rmtree, self._folder)
        self.floating_ip = self.cloud.add_floating_ip(ADDRESS_NAME, ADDRESS)
        self.network = self.cloud.add_network(NETWORK, RANGE)
        self.servers = tuple(self._make_server(node) for node in PRIORITIES)

    def _make_server(self, node: str) -> Server:
        folder = self._folder / node
        folder.mkdir()
        os.mkfifo(self._fifo(node), 0o600)
        server_id = self.cloud.add_server(f"node-{node}", private_ips=ON_LOOPBACK)
        own, foreign = _PRIVATE_IPS[node], [FOREIGN[node]]
        self.cloud.attach(server_id, self.network, own, alias_ips=foreign)
        token_path = folder / "token"
        token_path.touch(mode=0o600)
        token_path.write_text(self.cloud.add_client(node) + "\n")
        config: dict[str, object] = {
            "server": server_id,
            "instances": {INSTANCE: {"floating_ips": [ADDRESS_NAME], "alias_ips": [ALIAS]}},
            "reconcile": {"interval": INTERVAL, "standby_interval": INTERVAL},
            "keepalived": {
                "fifo": str(self._fifo(node)),
                "state": "none",
                "pid_file": str(folder / "keepalived.pid"),
            },
            "hetzner": {"endpoint": self.cloud.url, "token_file": str(token_path)},
        }
        hakeeper = HakeeperProcess(
            node, folder, namespace=_HostNetwork(), config=config, environment={}
        )
        self._stack.callback(hakeeper.close)
        return Server(node, server_id, hakeeper)

    def _fifo(self, node: str) -> Path:
        return self._folder / node / "notify.fifo"

    # --- playing ---------------------------------------------------------------------------

    def server(self, node: str) -> Server:
        """Return one of the servers."""
        return next(each for each in self.servers if each.node == node)

    def start_keepalived(self) -> None:
        """Start with the lines of a start."""
        self._play(recording.START)

    def cut_power(self, node: str) -> None:
        """Kill hakeeper; the recorded keepalived writes nothing more on this node."""
        self._dead.add(node)
        self._changes.append(RoleChange(time.monotonic(), node, _VRRP, Role.UNKNOWN))
        self.server(node).hakeeper.kill()
        self._play(recording.POWER_CUT)

    def power_up(self, node: str) -> None:
        """Replay what both wrote when the node with the higher priority came back."""
        self._dead.discard(node)
        self._play(recording.RETURN)

    def _play(self, lines: Iterable[Line]) -> None:
        now = time.monotonic()
        for line in lines:
            self._written += 1
            heapq.heappush(self._due, (now + line.after_s, self._written, line))

    def turn(self) -> None:
        """Write the lines that are due, each as a whole and separately, as keepalived does."""
        while self._due and self._due[0][0] <= time.monotonic():
            line = heapq.heappop(self._due)[2]
            if line.node not in self._dead:
                self._write(line)

    def _write(self, line: Line) -> None:
        data = line.text.encode() + b"\n"
        try:
            fd = os.open(self._fifo(line.node), os.O_WRONLY | os.O_NONBLOCK)
        except OSError as error:
            raise LabError(f"no process reads the FIFO of {line.node}: {error}") from error
        try:
            now = time.monotonic()
            os.write(fd, data)
        finally:
            os.close(fd)
        for parsed in LineReader().feed(data):
            if isinstance(parsed, NotifyLine) and parsed.state in _ROLES:
                change = RoleChange(now, line.node, parsed.vrrp, _ROLES[parsed.state])
                self._changes.append(change)

    # --- seeing ----------------------------------------------------------------------------

    def roles(self) -> tuple[RoleChange, ...]:
        """Return the roles that were written, and the deaths."""
        return tuple(self._changes)

    def masters(self) -> tuple[str, ...]:
        """Return the nodes whose latest role is MASTER, since there is no keepalived to ask."""
        newest = {change.node: change.role for change in self._changes}
        return tuple(node for node in PRIORITIES if newest.get(node) is Role.MASTER)


_VRRP = VrrpId(VrrpKind.INSTANCE, INSTANCE)
