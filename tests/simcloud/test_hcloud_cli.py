import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.simcloud.conftest import LAN, VIP, Caller, Scene


class Cli:
    """Debian's `hcloud` program, a client that nobody here wrote."""

    def __init__(self, home: Path, caller: Caller) -> None:
        self._environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "HCLOUD_ENDPOINT": caller.url,
            "HCLOUD_TOKEN": caller.token,
        }

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["hcloud", "--poll-interval", "50ms", *words],
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def json(self, *words: str) -> Any:  # noqa: ANN401 - JSON
        done = self.run(*words, "-o", "json")
        assert 0 == done.returncode, done.stderr
        return json.loads(done.stdout)


@pytest.fixture
def cli(scene: Scene, tmp_path: Path) -> Cli:
    return Cli(tmp_path, scene.a)


def test_the_cli_lists_servers_of_all_pages(cli: Cli, scene: Scene) -> None:
    for index in range(60):
        scene.cloud.add_server(f"more-{index}")
    assert 62 == len(cli.json("server", "list"))


def test_the_cli_lists_floating_ips(cli: Cli, scene: Scene) -> None:
    # One page only: Debian 12's CLI (1.30) never asks for another (hetznercloud/cli#574).
    scene.cloud.add_floating_ip("other", "203.0.113.11")
    found = cli.json("floating-ip", "list")
    assert [("web", scene.server_a), ("other", None)] == [
        (item["name"], item["server"]) for item in found
    ]
    table = cli.run("floating-ip", "list", "-l", "vip=web", "-o", "noheader")
    assert 1 == len(table.stdout.splitlines())
    assert "node-a" in table.stdout


def test_the_cli_describes_a_floating_ip(cli: Cli) -> None:
    described = cli.run("floating-ip", "describe", "web")
    assert "203.0.113.10" in described.stdout
    assert "node-a" in described.stdout


def test_the_cli_labels_a_floating_ip_and_takes_the_label_away(cli: Cli, scene: Scene) -> None:
    assert 0 == cli.run("floating-ip", "add-label", "web", "role=web").returncode
    assert {"vip": "web", "role": "web"} == cli.json("floating-ip", "describe", "web")["labels"]
    assert ["web"] == [each["name"] for each in cli.json("floating-ip", "list", "-l", "role=web")]
    assert 0 == cli.run("floating-ip", "remove-label", "web", "vip").returncode
    assert {"role": "web"} == cli.json("floating-ip", "describe", str(scene.web))["labels"]


def test_the_cli_renames_a_floating_ip(cli: Cli, scene: Scene) -> None:
    scene.cloud.add_floating_ip("other", "203.0.113.11")
    done = cli.run("floating-ip", "update", "web", "--name", "www", "--description", "the site")
    assert 0 == done.returncode, done.stderr
    found = cli.json("floating-ip", "describe", "www")
    assert ("the site", {"vip": "web"}) == (found["description"], found["labels"])
    taken = cli.run("floating-ip", "update", "www", "--name", "other")
    assert "uniqueness_error" in taken.stderr


def test_the_cli_lists_and_describes_servers(cli: Cli) -> None:
    assert ["node-a", "node-b"] == [server["name"] for server in cli.json("server", "list")]
    assert [4711] == cli.json("server", "describe", "node-a")["public_net"]["floating_ips"]


def test_the_cli_assigns_and_unassigns(cli: Cli, scene: Scene) -> None:
    assert 0 == cli.run("floating-ip", "assign", "web", "node-b").returncode
    assert scene.server_b == scene.cloud.holder(scene.web)
    assert 0 == cli.run("floating-ip", "unassign", "web").returncode
    assert scene.cloud.holder(scene.web) is None
    assert 0 == cli.run("floating-ip", "assign", str(scene.web), "42").returncode
    assert [(42, 43), (43, None), (None, 42)] == [
        (change.old, change.new) for change in scene.cloud.moves()
    ]


def test_the_cli_says_why_it_was_refused(cli: Cli, scene: Scene) -> None:
    done = cli.run("floating-ip", "assign", "web", "node-a")
    assert 1 == done.returncode
    assert "(floating_ip_assigned)" in done.stderr
    scene.cloud.revoke("node-a")
    done = cli.run("floating-ip", "list")
    assert 1 == done.returncode
    assert "(unauthorized)" in done.stderr


def test_the_cli_lists_and_describes_networks(cli: Cli, lan: Scene) -> None:
    lan.cloud.add_network("other", "10.1.0.0/24", labels={"tier": "db"})
    assert ["other", "lan"] == [network["name"] for network in cli.json("network", "list")]
    table = cli.run("network", "list", "-l", "tier=db", "-o", "noheader")
    assert 1 == len(table.stdout.splitlines())
    assert [42, 43] == cli.json("network", "describe", "lan")["servers"]
    described = cli.run("network", "describe", str(LAN)).stdout
    for text in ("10.0.0.0/16", "10.0.1.0/24", "10.0.1.1"):
        assert text in described
    assert VIP in cli.run("server", "describe", "node-a").stdout


def test_the_cli_moves_alias_ips(cli: Cli, lan: Scene) -> None:
    def change(server: str, *words: str) -> subprocess.CompletedProcess[str]:
        return cli.run("server", "change-alias-ips", server, "--network", "lan", *words)

    refused = change("node-b", "--alias-ips", VIP)
    assert 1 == refused.returncode
    assert "(ip_not_available)" in refused.stderr
    assert 0 == change("node-a", "--clear").returncode
    assert {} == lan.cloud.aliases(LAN)
    done = change("node-b", "--alias-ips", f"10.0.1.101,{VIP}")
    assert 0 == done.returncode, done.stderr
    assert {"10.0.1.101": 43, VIP: 43} == lan.cloud.aliases(LAN)
    assert [(42, ()), (43, ("10.0.1.101", VIP))] == [
        (write.server, write.alias_ips) for write in lan.cloud.alias_writes()[1:]
    ]
