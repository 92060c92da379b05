"""Try a set-up: what happens, and what does `hakeeper check --online` say about it?"""

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from ipaddress import ip_address, ip_network
from typing import Any, Self
from urllib.parse import urlsplit

import yaml as yaml_reader

from corpus.network import Router
from corpus.server import Process, Server, environment_of
from corpus.setup import CONF, SetUp
from hakeeper.sim.cloud import CloudFront, SimCloud
from hakeeper.sim.lab.relay import ApiRelay
from hakeeper.sim.lab.waiting import LabTimeoutError, wait_until

HAKEEPER = (sys.executable, "-m", "hakeeper")
KEEPALIVED_LOG = "/run/keepalived.log"
DAEMON_LOG = "/run/hakeeper.log"
SERVER_ID, PEER_ID = 42, 43
BY_LINE = "(line MASTER)"
"""How the daemon's log says that it heard it from the FIFO, and not from D-Bus."""
_OUR_READERS = ("keepalived", "python", "hakeeper")
"""How the names of the processes begin that may have the FIFO open."""
_PATIENCE_S = 30.0
_START_S = 4.0
_AT_ONCE_S = 1.5
"""For the line, the API call and the address, from keepalived's own word MASTER on."""
_POLL_S = 0.05


@dataclass(frozen=True, kw_only=True)
class Truth:
    """Whether the address came here, at once and with all that belongs to it."""

    works: bool
    why: str


@dataclass(kw_only=True)
class Outcome:
    """All that came of one set-up."""

    name: str
    about: str
    now: Truth
    after: Truth
    checks: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By user: what the check has printed."""

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        data = json.loads(text)
        for key in ("now", "after"):
            data[key] = Truth(**data[key])
        return cls(**data)


class Trial:
    """One set-up on its server, perhaps with another one."""

    def __init__(self, setup: SetUp, cloud: CloudFront, stack: contextlib.ExitStack) -> None:
        self.setup, self.cloud = setup, cloud
        self.router = router = stack.enter_context(Router())
        self.server = stack.enter_context(Server("web-a"))
        router.connect(self.server, 2)
        self.peer: Server | None = None
        self.peer_process: Process | None = None
        if setup.peer is not None:
            self.peer = stack.enter_context(Server("web-b"))
            router.connect(self.peer, 3)
            self.peer.write(CONF, setup.peer)
        cloud.add_server("web-a", server_id=SERVER_ID)
        cloud.add_server("web-b", server_id=PEER_ID)
        self.ids = {
            ip: cloud.add_floating_ip(name, ip, server=PEER_ID)
            for name, ip in setup.floating_ips.items()
        }
        url = urlsplit(cloud.url)
        relay = ApiRelay(self.server, (url.hostname or "127.0.0.1", url.port or 80))
        stack.callback(relay.close)
        self.token = cloud.add_client("web-a")
        self._lay_out(relay.port)
        self.keepalived: Process | None = None

    def _lay_out(self, port: int) -> None:
        server, setup = self.server, self.setup
        self.config: dict[str, Any] = yaml_reader.safe_load(setup.yaml)
        self.config["hetzner"] = {"endpoint": f"http://127.0.0.1:{port}/v1"}
        self.config.setdefault("server", SERVER_ID)
        server.write("/etc/hakeeper/hakeeper.yaml", yaml_reader.safe_dump(self.config))
        server.write("/etc/hakeeper/token", self.token, mode=0o600)
        server.write("/run/credentials/hcloud-token", self.token, mode=0o400, owner=990)
        server.write(CONF, setup.conf)
        for path, content in setup.files.items():
            start = content[:2] if isinstance(content, bytes) else content[:2].encode()
            server.write(path, content, mode=0o755 if start == b"#!" else 0o644)
        server.start_bus()
        if setup.before is not None:
            setup.before(server)

    # --- programs --------------------------------------------------------------------------

    def start_daemon(self) -> Process:
        """Start it as the unit does, and wait until it knows who it is."""
        argv = [*HAKEEPER, "run", "--log", "json"]
        seen = len(self.server.read(DAEMON_LOG).splitlines())
        environment = {
            "RUNTIME_DIRECTORY": "/run/hakeeper",
            "STATE_DIRECTORY": "/var/lib/hakeeper",
            "CREDENTIALS_DIRECTORY": "/run/credentials",
        }
        daemon = self.server.start(
            self.server.as_service(argv), DAEMON_LOG, environment=environment
        )

        def is_up() -> bool:
            return not daemon.running or any(entry["event"] == "server.identified" for entry in self.entries(seen))

        wait_until(is_up, timeout_s=_PATIENCE_S, what="the daemon to know its server")
        return daemon

    def entries(self, after: int = 0) -> list[dict[str, Any]]:
        """Return the daemon's log."""
        lines = self.server.read(DAEMON_LOG).splitlines()[after:]
        return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]

    def start_keepalived(self, server: Server, options: tuple[str, ...] = ()) -> Process:
        """Start it as Debian's unit does; wait until it has read its file, or ended."""
        seen = len(server.read(KEEPALIVED_LOG))
        argv = ["keepalived", "--dont-fork", "--log-console", "--log-detail", *options]
        process = server.start(argv, KEEPALIVED_LOG, environment=self.setup.environment)

        def is_under_way() -> bool:
            said = server.read(KEEPALIVED_LOG)[seen:]
            return not process.running or "Startup complete" in said

        with contextlib.suppress(LabTimeoutError):  # it may have nothing to do: that is judged later
            wait_until(is_under_way, timeout_s=_START_S, what="keepalived to start or to end")
        return process

    # --- the truth -------------------------------------------------------------------------

    def measure(self) -> Truth:
        """Start keepalived and see what comes of it."""
        server = self.server
        self.log_seen = len(server.read(KEEPALIVED_LOG))
        self.entries_seen = len(server.read(DAEMON_LOG).splitlines())
        self.keepalived = self.start_keepalived(server, self.setup.options)
        return self.judge()

    def judge(self) -> Truth:
        """Wait until it works, or can't any more."""
        if self.peer_process is not None:
            alone = self._is_alone()
            self.peer_process.stop()
            if alone:
                return Truth(works=False, why="both servers are MASTER")
        deadline_s = time.monotonic() + self.setup.settle_s
        master_s: float | None = None
        while True:
            assert self.keepalived is not None
            if not self.keepalived.running:
                return Truth(works=False, why=f"keepalived ended: {self.keepalived.exit_code}")
            if not self.daemon.running:
                return Truth(works=False, why=f"hakeeper ended: {self.daemon.exit_code}")
            lacking = self._lacking()
            if not lacking and (others := self._other_readers()):
                # Who gets a line is chance then.
                return Truth(works=False, why=f"others read the FIFO, too: {others}")
            if not lacking and self.peer is not None and not self._is_heard(self.peer):
                return Truth(works=False, why="the other server does not hear us")
            if not lacking:
                return Truth(works=True, why="claimed by the line")
            now_s = time.monotonic()
            states = self.states()
            if master_s is None and states and set(states.values()) == {"MASTER"}:
                master_s = now_s
            if now_s > deadline_s or (master_s is not None and now_s > master_s + _AT_ONCE_S):
                return Truth(works=False, why="; ".join(lacking))
            time.sleep(_POLL_S)

    def _is_alone(self) -> bool:
        """See whether we become MASTER although the other server is."""
        deadline_s = time.monotonic() + self.setup.settle_s
        while time.monotonic() < deadline_s:
            if "MASTER" in self.states().values():
                return True
            time.sleep(_POLL_S)
        return False

    def _is_heard(self, peer: Server) -> bool:
        """Start the other server's keepalived as the lower one, and see that it stays BACKUP."""
        assert self.setup.peer is not None
        lower = self.setup.peer.replace("priority 250", "priority 50")
        peer.write(CONF, lower.replace("state MASTER", "state BACKUP"))
        seen = len(peer.read(KEEPALIVED_LOG))
        process = self.start_keepalived(peer)
        deadline_s = time.monotonic() + self.setup.settle_s
        heard = True
        while heard and time.monotonic() < deadline_s:
            heard = "MASTER" not in states_in(peer.read(KEEPALIVED_LOG)[seen:]).values()
            time.sleep(_POLL_S)
        process.stop()
        peer.write(CONF, self.setup.peer)
        return heard

    def states(self) -> dict[str, str]:
        """Return the states of instances by keepalived's own log of this run."""
        return states_in(self.server.read(KEEPALIVED_LOG)[self.log_seen :])

    def followed(self) -> Iterator[tuple[str, str, list[str]]]:
        """Return kind, name and floating IPs of what hakeeper.yaml has."""
        for section in ("instances", "groups"):
            for name, each in self.config.get(section, {}).items():
                yield section, str(name), each["floating_ips"]

    def _lacking(self) -> list[str]:
        """Return what is not so yet."""
        told = {
            (entry["fields"]["kind"], entry["fields"]["instance"])
            for entry in self.entries(self.entries_seen)
            if entry["event"] == "role.changed"
            and entry["fields"]["role"] == "MASTER"
            and BY_LINE in entry["fields"]["reason"]
        }
        states = self.states()
        lacking = []
        for section, name, addresses in self.followed():
            if section == "instances" and states.get(name) != "MASTER":
                lacking.append(f"{name} is {states.get(name)}")
            elif (section.removesuffix("s").upper(), name) not in told:
                lacking.append(f"no line of {name}")
            lacking += [
                f"{address} is not claimed"
                for address in addresses
                if self.cloud.owner(self.id_of(address)) != SERVER_ID
            ]
        return lacking or list(self._unreachable())

    def _unreachable(self) -> Iterator[str]:
        """Return the floating IPs that no traffic would reach here."""
        shown = json.loads(self.server.run("ip", "-json", "address", "show"))
        here = [
            ip_address(info["local"]) for link in shown for info in link["addr_info"] if "local" in info
        ]
        for _, _, refs in self.followed():
            for ref in refs:
                network = self.floating_ip(ref)
                ip = next((ip for ip in here if ip in ip_network(network)), None)
                if ip is None:
                    yield f"{network} is not here"
                    continue
                self.router.deliver(network, 2)
                if not self.router.is_answered(str(ip)):
                    yield f"{ip} does not answer"

    def _other_readers(self) -> list[str]:
        """Return who else reads the FIFO, by the names of the processes."""
        path = self.config.get("keepalived", {}).get("fifo", "/run/hakeeper/notify.fifo")
        names = self.server.holders(path)
        return sorted({name for name in names if not name.startswith(_OUR_READERS)})

    def floating_ip(self, ref: str) -> str:
        """Return the address behind a reference of hakeeper.yaml: a name, or itself."""
        return self.setup.floating_ips.get(ref, ref)

    def id_of(self, ref: str) -> int:
        """Return its id in the cloud."""
        return self.ids[self.floating_ip(ref)]

    # --- the check -------------------------------------------------------------------------

    def check(self) -> dict[str, dict[str, Any]]:
        """Run the check as root, and perhaps as the service's user at the same time."""
        argv = [*HAKEEPER, "check", "--online", "--json"]
        users: dict[str, tuple[list[str], Mapping[str, str]]] = {"root": (argv, {})}
        if self.setup.as_service:
            users["service"] = self._as_service(argv)
        running = {
            user: subprocess.Popen(
                self.server.inside(command),
                env=environment_of(environment),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                cwd="/",
            )
            for user, (command, environment) in users.items()
        }
        told = {}
        for user, process in running.items():
            out, err = process.communicate(timeout=_PATIENCE_S)
            told[user] = {"code": process.returncode, "stderr": err, **_parsed(out)}
        return told

    def _as_service(self, argv: list[str]) -> tuple[list[str], Mapping[str, str]]:
        return self.server.as_service(argv), {"CREDENTIALS_DIRECTORY": "/run/credentials"}

    # --- all of it -------------------------------------------------------------------------

    def run(self) -> Outcome:
        """Try it from the start to the end."""
        setup, server = self.setup, self.server
        self.daemon = self.start_daemon()
        self._start_peer()
        self.log_seen = self.entries_seen = 0
        self.entries_seen = len(server.read(DAEMON_LOG).splitlines())
        self.keepalived = self.start_keepalived(server, setup.options)
        if setup.later is not None:
            setup.later(server)
        if setup.is_hakeeper_restarted:
            self.daemon.stop()
            self.daemon = self.start_daemon()
        now = self.judge()
        checks = self.check()
        after = now
        if setup.later is not None or setup.again:
            self.keepalived.stop()
            for floating_ip in self.ids.values():
                self.cloud.move(floating_ip, PEER_ID)
            self._start_peer()
            after = self.measure()
        return Outcome(name=setup.name, about=setup.about, now=now, after=after, checks=checks)

    def _start_peer(self) -> None:
        if self.peer is None:
            return
        seen = len(self.peer.read(KEEPALIVED_LOG))
        self.peer_process = self.start_keepalived(self.peer)

        def is_master() -> bool:
            assert self.peer is not None
            return "MASTER" in states_in(self.peer.read(KEEPALIVED_LOG)[seen:]).values()

        wait_until(is_master, timeout_s=_PATIENCE_S, what="the other server to be MASTER")


def states_in(log: str) -> dict[str, str]:
    """Return the last state of each instance in a log of keepalived."""
    found = {}
    for line in log.splitlines():
        head, entering, tail = line.partition(") Entering ")
        if entering:
            found[head.partition("(")[2]] = tail.split()[0]
    return found


def _parsed(text: str) -> dict[str, Any]:
    with contextlib.suppress(ValueError):
        found = json.loads(text)
        if isinstance(found, dict):
            return found
    return {"unparsed": text}


def try_out(setup: SetUp) -> Outcome:
    """Try a set-up in a world of its own."""
    with contextlib.ExitStack() as stack:
        cloud = stack.enter_context(SimCloud())
        return Trial(setup, cloud, stack).run()
