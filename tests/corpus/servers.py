"""The servers of one set-up, with keepalived, the daemon and a simulated cloud."""

import contextlib
import json
import sys
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import yaml as yaml_reader

from hakeeper.demo.cloud import CloudFront
from hakeeper.demo.lab.relay import ApiRelay
from hakeeper.demo.lab.waiting import LabTimeoutError, wait_until
from tests.corpus.network import Router
from tests.corpus.server import SERVICE_ID, Process, Server
from tests.corpus.setup import CONF, SetUp

HAKEEPER = (sys.executable, "-m", "hakeeper")
KEEPALIVED_LOG = "/run/keepalived.log"
DAEMON_LOG = "/run/hakeeper.log"
CREDENTIALS = "/run/credentials"
SERVER_ID, PEER_ID = 42, 43
PATIENCE_S = 30.0
_START_S = 4.0
_COMPLETE, _NOTHING = "Startup complete", "keepalived has no configuration to run"
"""What keepalived logs at the end of its start."""


class Pair:
    """A server with its set-up, and perhaps another one, which has keepalived only."""

    def __init__(self, setup: SetUp, cloud: CloudFront, stack: contextlib.ExitStack) -> None:
        self.setup, self.cloud = setup, cloud
        self.router = stack.enter_context(Router())
        self.server = stack.enter_context(Server("web-a"))
        self.router.connect(self.server, 2)
        self.peer: Server | None = None
        self.peer_process: Process | None = None
        if setup.peer is not None:
            self.peer = stack.enter_context(Server("web-b"))
            self.router.connect(self.peer, 3)
            self.peer.write(CONF, setup.peer)
        for name, server_id, number in (("web-a", SERVER_ID, 2), ("web-b", PEER_ID, 3)):
            cloud.add_server(
                name,
                server_id=server_id,
                ipv4=f"198.51.100.{number}",
                ipv6=f"2001:db8:{number}::/64",
                private_ips=[f"10.0.0.{number}"],
            )
        self._ids = {
            ip: cloud.add_floating_ip(name, ip, server=PEER_ID)
            for name, ip in setup.floating_ips.items()
        }
        url = urlsplit(cloud.url)
        relay = ApiRelay(self.server, (url.hostname or "127.0.0.1", url.port or 80))
        stack.callback(relay.close)
        self._lay_out(relay.port, cloud.add_client("web-a"))
        self.log_seen = self.entries_seen = 0
        """How much of both logs is of an earlier run."""
        self.keepalived: Process | None = None
        self.daemon: Process | None = None

    def _lay_out(self, port: int, token: str) -> None:
        server, setup = self.server, self.setup
        self.config: dict[str, Any] = yaml_reader.safe_load(setup.yaml)
        self.config["hetzner"] = {"endpoint": f"http://127.0.0.1:{port}/v1"}
        self.config.setdefault("server", SERVER_ID)
        server.write("/etc/hakeeper/hakeeper.yaml", yaml_reader.safe_dump(self.config))
        server.write("/etc/hakeeper/token", token, mode=0o600)
        server.write(f"{CREDENTIALS}/hcloud-token", token, mode=0o400, owner=SERVICE_ID)
        server.write(CONF, setup.conf)
        for path, content in setup.files.items():
            start = content[:2] if isinstance(content, bytes) else content[:2].encode()
            server.write(path, content, mode=0o755 if start == b"#!" else 0o644)
        server.start_bus()
        if setup.before is not None:
            setup.before(server)

    # --- programs --------------------------------------------------------------------------

    def start_daemon(self) -> None:
        """Start it as the unit does, and wait until it knows who it is, or has ended."""
        seen = len(self.server.read(DAEMON_LOG).splitlines())
        daemon = self.server.start(
            self.server.as_service([*HAKEEPER, "run", "--log", "json"]),
            DAEMON_LOG,
            environment={
                "RUNTIME_DIRECTORY": "/run/hakeeper/daemon",
                "STATE_DIRECTORY": "/var/lib/hakeeper",
                "CREDENTIALS_DIRECTORY": CREDENTIALS,
            },
        )

        def is_up() -> bool:
            return not daemon.running or any(
                entry["event"] == "server.identified" for entry in self.entries(seen)
            )

        wait_until(is_up, timeout_s=PATIENCE_S, what="the daemon to know its server")
        self.daemon = daemon

    def start_again(self) -> None:
        """Stop the daemon and start it."""
        if self.daemon is not None:
            self.daemon.stop()
        self.start_daemon()

    def start(self) -> None:
        """Start keepalived here; where there is another server, that is MASTER by then."""
        self._start_peer()
        self.log_seen = len(self.server.read(KEEPALIVED_LOG))
        self.entries_seen = len(self.server.read(DAEMON_LOG).splitlines())
        self.keepalived = self.start_keepalived(self.server, self.setup.options)

    def stop(self) -> None:
        """Stop keepalived here, and give the addresses back."""
        if self.keepalived is not None:
            self.keepalived.stop()
        for floating_ip in self._ids.values():
            self.cloud.move(floating_ip, PEER_ID)

    def _start_peer(self) -> None:
        if self.peer is None:
            return
        seen = len(self.peer.read(KEEPALIVED_LOG))
        self.peer_process = self.start_keepalived(self.peer)

        def is_master() -> bool:
            assert self.peer is not None
            return "MASTER" in states_in(self.peer.read(KEEPALIVED_LOG)[seen:]).values()

        wait_until(is_master, timeout_s=PATIENCE_S, what="the other server to be MASTER")

    def start_keepalived(self, server: Server, options: tuple[str, ...] = ()) -> Process:
        """Start it as Debian's unit does; wait until it has read its file, or ended."""
        seen = len(server.read(KEEPALIVED_LOG))
        argv = ["keepalived", "--dont-fork", "--log-console", "--log-detail", *options]
        process = server.start(argv, KEEPALIVED_LOG)

        def is_under_way() -> bool:
            said = server.read(KEEPALIVED_LOG)[seen:]
            return not process.running or any(words in said for words in (_COMPLETE, _NOTHING))

        with contextlib.suppress(LabTimeoutError):  # it may have nothing to do
            wait_until(is_under_way, timeout_s=_START_S, what="keepalived to start or to end")
        return process

    # --- what is to be seen ----------------------------------------------------------------

    def ended(self) -> list[str]:
        """Return which of the two has ended, or has nothing to do."""
        if _NOTHING in self.server.read(KEEPALIVED_LOG)[self.log_seen :]:
            return [_NOTHING]
        programs = {"keepalived": self.keepalived, "hakeeper": self.daemon}
        return [
            f"{name} ended: {process.exit_code}"
            for name, process in programs.items()
            if process is not None and self._has_ended(name, process)
        ]

    def _has_ended(self, name: str, process: Process) -> bool:
        """Say whether it has ended; a child of keepalived may outlive it by a second."""
        if process.running:
            return False
        gone = f"the last process of {name} to end"
        wait_until(lambda: not self.server.runs(name), timeout_s=PATIENCE_S, what=gone)
        return True

    def states(self) -> dict[str, str]:
        """Return the states of instances by keepalived's own log of this run."""
        return states_in(self.server.read(KEEPALIVED_LOG)[self.log_seen :])

    def entries(self, after: int = 0) -> list[dict[str, Any]]:
        """Return the daemon's log."""
        lines = self.server.read(DAEMON_LOG).splitlines()[after:]
        return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]

    def followed(self) -> Iterator[tuple[str, str, list[str]]]:
        """Return section, name and floating IPs of what hakeeper.yaml has."""
        for section in ("instances", "groups"):
            for name, each in self.config.get(section, {}).items():
                yield section, str(name), each["floating_ips"]

    def floating_ip(self, ref: str) -> str:
        """Return the address behind a reference of hakeeper.yaml: a name, or itself."""
        return self.setup.floating_ips.get(ref, ref)

    def is_owned(self, ref: str) -> bool:
        """Say whether the address is assigned to this server."""
        return self.cloud.holder(self._ids[self.floating_ip(ref)]) == SERVER_ID


def states_in(log: str) -> dict[str, str]:
    """Return the last state of each instance in a log of keepalived."""
    found = {}
    for line in log.splitlines():
        head, entering, tail = line.partition(") Entering ")
        if entering:
            found[head.partition("(")[2]] = tail.split()[0]
    return found
