"""One server of a lab with real keepalived and hakeeper, checked with `hakeeper check --online`."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from hakeeper.demo.lab import Lab, Node, VrrpInstance, VrrpSettings
from tests.support.waiting import eventually

HAKEEPER = str(Path(sys.executable).with_name("hakeeper"))
VIP = "203.0.113.10"
VRRP = VrrpSettings(instances=(VrrpInstance(vips=(f"{VIP}/32",)),), higher_prio_send_advert=True)


@dataclass
class Told:
    """The end of one check; with `--json`, or without."""

    code: int
    out: str
    json: dict[str, Any] = field(default_factory=dict)

    def findings(self, severity: str = "error") -> list[tuple[str, str]]:
        found = self.json["online"]["findings"]
        return [(each["check"], each["what"]) for each in found if each["severity"] == severity]


class Station:
    """One server, checked with a token of its own, so that the daemon's requests are others'."""

    def __init__(self, lab: Lab, node: Node) -> None:
        assert lab.cloud is not None
        self.lab, self.node, self.cloud = lab, node, lab.cloud
        self.client = f"check-{node.name}"
        self.token_path = node.folder / "check-token"
        self.use_token(self.cloud.add_client(self.client))
        self.tokens = [self.token_path.read_text()]

    def use_token(self, token: str) -> None:
        self.token_path.touch(mode=0o600)
        self.token_path.write_text(token)

    def check(self, *options: str, **changes: object) -> Told:
        config = yaml.safe_load(self.node.hakeeper.config_path.read_text())
        config["hetzner"]["token_file"] = str(self.token_path)
        for key, value in changes.items():
            section, _, name = key.partition("__")
            if name:
                config[section][name] = value
            else:
                config[section] = value
        path = self.node.folder / "check.yaml"
        path.write_text(yaml.safe_dump(config))
        argv = [HAKEEPER, "check", "--online", "-c", str(path), *options]
        done = subprocess.run(
            self.node.namespace.inside(argv),
            env={"PATH": os.environ["PATH"], **self.node.hakeeper._environment},
            capture_output=True,
            text=True,
            check=False,
        )
        said = done.stdout + done.stderr
        assert "Traceback" not in said
        assert all(token[i : i + 12] not in said for token in self.tokens for i in range(50))
        assert done.stderr == ""
        return Told(done.returncode, done.stdout, json.loads(done.stdout) if options else {})

    def settle(self) -> None:
        """Have the daemon list the addresses again, until it finds nothing wrong with them."""
        eventually(lambda: self._run("reload") == self._run("status") == 0, 30)

    def _run(self, command: str) -> int:
        done = subprocess.run(
            self.node.namespace.inside([HAKEEPER, command]),
            env={"PATH": os.environ["PATH"], **self.node.hakeeper._environment},
            capture_output=True,
            check=False,
        )
        return done.returncode

    def line(self, text: str) -> int:
        """The line of the last checked file that holds this."""
        lines = (self.node.folder / "check.yaml").read_text().splitlines()
        return next(number for number, line in enumerate(lines, start=1) if text in line)

    def trouble(self, *options: str, **changes: object) -> Told:
        told = self.check("--json", *options, **changes)
        assert (69, False) == (told.code, told.json["ok"]), told.out
        assert told.json["exit_code"] == 69
        assert told.findings()
        return told


@contextlib.contextmanager
def restarted_with(station: Station, *changes: tuple[str, str]) -> Iterator[None]:
    """Stop keepalived and change its file; afterwards, start it with the right one."""
    keepalived = station.node.keepalived
    conf = keepalived.own_conf
    for old, new in changes:
        assert old in conf
        conf = conf.replace(old, new)
    keepalived.stop()
    keepalived.write_conf(conf)
    try:
        yield
    finally:
        if keepalived.running:
            keepalived.stop()
        keepalived.write_conf()
        seen = len(station.lab.witness.heard())
        keepalived.start()
        station.lab.wait_until(
            lambda: any(
                each.node == "b" and each.line.state.value == "BACKUP"
                for each in station.lab.witness.heard()[seen:]
            ),
            timeout_s=15,
            what="keepalived of b to be BACKUP again",
        )


def its_file(station: Station) -> tuple[str, str]:
    """Which file it would be, where no process tells."""
    return "--keepalived-conf", str(station.node.keepalived.conf_path)
