"""One node whose state is made and looked at, with all that tells of it: see `Scene`."""

import contextlib
import json
import os
import socket
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from hakeeper.adapters.control_client import ControlError, NotRunning, ask
from hakeeper.demo.lab.daemon import LogEntry
from hakeeper.demo.lab.netns import Namespace
from hakeeper.demo.lab.relay import ApiRelay
from tests.support.cluster import Cluster
from tests.support.daemon_node import PATIENCE_S, DaemonNode
from tests.support.waiting import eventually

EAGER = {"interval": "1s", "standby_interval": "1s"}
"""For states that come with a reading."""
ASK_TIMEOUT_S = 10.0


class Systemd:
    """Where the daemon's NOTIFY_SOCKET leads: keeps each STATUS=, the newest last."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.told: list[str] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(os.fspath(path))
        self._thread = threading.Thread(target=self._listen, name="systemd")
        self._thread.start()

    def _listen(self) -> None:
        """A queue that is full would lose the newest, so somebody has to read all the time."""
        while message := self._socket.recv(65536):
            for line in message.decode().splitlines():
                key, _, value = line.partition("=")
                if key == "STATUS":
                    self.told.append(value)

    @property
    def status(self) -> str:
        """What `systemctl status` would show now."""
        return self.told[-1] if self.told else ""

    def close(self) -> None:
        """Stop listening: an empty message is the end."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as last:
            last.connect(os.fspath(self.path))
            last.send(b"")
        self._thread.join()
        self._socket.close()


class Scene:
    """The cluster, the node that is looked at (`it`), and its systemd."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.cloud = cluster.cloud
        self.stack = contextlib.ExitStack()
        """What ends with the scene."""
        self.systemd = Systemd(cluster.folder / "notify")
        self._node: DaemonNode | None = None
        self.values: dict[str, str] = {}
        """What a state wants to find in words and cures, by name."""

    def __enter__(self) -> Self:
        """Do nothing more."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End what the state began; the cluster ends its nodes."""
        self.cluster.close()
        self.stack.close()
        self.systemd.close()

    # --- the node --------------------------------------------------------------------------

    @property
    def environment(self) -> dict[str, str]:
        """What the daemon gets of systemd."""
        return {"NOTIFY_SOCKET": str(self.systemd.path)}

    @property
    def it(self) -> DaemonNode:
        """The node that is looked at."""
        assert self._node is not None, "the state made no node"
        return self._node

    def node(self, **options: Any) -> DaemonNode:  # noqa: ANN401  # handed on
        """Make it; nothing of it runs yet."""
        environment = {**self.environment, **options.pop("environment", {})}
        self._node = self.cluster.node(environment=environment, **options)
        return self._node

    def adopt(self, node: DaemonNode) -> DaemonNode:
        """Look at this one."""
        self._node = node
        return node

    def launch(self, *, keepalived: bool = True) -> DaemonNode:
        """Start it as configured, and wait for nothing; keepalived has the FIFO open."""
        node = self.it
        if keepalived:
            node.keepalived.start()
            node.write(b"")
        node.write_config()
        node.daemon.start(ready=False)
        return node

    def running(self, **options: Any) -> DaemonNode:  # noqa: ANN401  # handed on
        """Make it and start it; wait until it knows who it is, and its addresses."""
        node = self.node(**options)
        node.write(b"")
        node.start()
        return node

    def backup(self, **options: Any) -> DaemonNode:  # noqa: ANN401  # handed on
        """Make it a BACKUP that has read its addresses since it is one."""
        node = self.running(**options)
        node.backup()
        self.until_current()
        return node

    def master(self, **options: Any) -> DaemonNode:  # noqa: ANN401  # handed on
        """Make it a MASTER that holds the address."""
        node = self.running(**options)
        node.master()
        self.cluster.wait_holder(node)
        node.wait_log("address.claimed")
        return node

    def apart(self, **options: Any) -> tuple[DaemonNode, Namespace]:  # noqa: ANN401  # handed on
        """Make it in a network namespace of its own, with a way to the API."""
        namespace = self.stack.enter_context(Namespace("apart"))
        parts = urlsplit(self.cloud.url)
        relay = ApiRelay(namespace, (str(parts.hostname), int(parts.port or 0)))
        self.stack.callback(relay.close)
        node = self.node(prefix=namespace.inside([]), **options)
        node.config["hetzner"]["endpoint"] = f"http://127.0.0.1:{relay.port}/v1"
        return node, namespace

    # --- how it is -------------------------------------------------------------------------

    def status(self) -> Mapping[str, Any] | None:
        """What the daemon answers; None while it does not run, or does not answer."""
        path = str(self.it.daemon.runtime_folder / "control.sock")
        try:
            return ask(path, {"command": "status"}, ASK_TIMEOUT_S)
        except (ControlError, NotRunning):
            return None

    def address(self, number: int = 0) -> Mapping[str, Any] | None:
        """One address of the first instance, if it is known by now."""
        status = self.status()
        addresses = [] if status is None else status["roles"][0]["addresses"]
        return addresses[number] if len(addresses) > number else None

    def until_current(self) -> None:
        """Wait until the holder that is known is one of now."""
        eventually(
            lambda: (self.address() or {}).get("holder_current"), PATIENCE_S, "a current holder"
        )

    def until_stage(self, stage: str) -> None:
        """Wait until the claim has come so far."""
        eventually(lambda: (self.address() or {}).get("stage") == stage, PATIENCE_S, stage)

    def shown(self, *options: str) -> tuple[int, str]:
        """Return exit code and output of `hakeeper status`."""
        done = self.it.daemon.command("status", *options)
        assert done.stderr == ""
        return done.returncode, done.stdout

    def checked(self) -> list[Mapping[str, Any]]:
        """Return the findings of `hakeeper check --online`."""
        path = str(self.it.daemon.config_path)
        done = self.it.daemon.command("check", "--online", "--json", "-c", path)
        document = json.loads(done.stdout)
        findings: list[Mapping[str, Any]] = document["online"]["findings"]
        return findings

    def logged(self, event: str, **fields: str) -> LogEntry:
        """Wait for an entry of the journal."""
        return self.it.wait_log(event, after=0, **fields)
