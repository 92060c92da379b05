"""The user data for cloud-init: its files are good, fit together, and hold no secret."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from hakeeper.config import parse
from hakeeper.core.model import VrrpId, VrrpKind
from hakeeper.demo.lab.netns import Namespace
from tests.support.markdown import blocks
from tests.support.server_namespace import server_namespace

ROOT = Path(__file__).parents[2]
CONF = ROOT / "conf/cloud-init"
NODES = {"web-a": ("10.0.0.2", "10.0.0.3"), "web-b": ("10.0.0.3", "10.0.0.2")}
"""By name: its own private address, and its peer's."""


def files(node: str) -> dict[str, str]:
    """What the user data writes, by path."""
    text = (CONF / f"{node}.yaml").read_text()
    assert text.startswith("#cloud-config\n")
    return {each["path"]: each["content"] for each in yaml.safe_load(text)["write_files"]}


@pytest.fixture(scope="module")
def server() -> Iterator[Namespace]:
    """A network namespace with the interfaces of a server at Hetzner."""
    with server_namespace("hkcloud") as namespace:
        yield namespace


def test_these_files_are_there() -> None:
    assert sorted(NODES) == sorted(path.stem for path in CONF.iterdir())


@pytest.mark.parametrize("node", NODES)
def test_its_files_are_good_and_go_together(node: str, server: Namespace, tmp_path: Path) -> None:
    own, peer = NODES[node]
    written = files(node)
    config = parse(written["/etc/hakeeper/hakeeper.yaml"], "hakeeper.yaml")
    refs = {vrrp: [*map(str, each)] for vrrp, each in config.resources.items()}
    assert refs == {VrrpId(VrrpKind.INSTANCE, "VI_1"): ["web"]}
    assert f"vrrp_address: {own}\n" in written["/etc/hakeeper/hakeeper.yaml"]

    conf = tmp_path / "keepalived.conf"
    conf.write_text(written["/etc/keepalived/keepalived.conf"])
    argv = server.inside(["keepalived", "--config-test", "-f", str(conf)])
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=30)
    assert (0, "", "") == (done.returncode, done.stdout, done.stderr)
    assert f"unicast_src_ip {own}\n" in conf.read_text()
    assert f"unicast_peer {{\n        {peer}\n" in conf.read_text()


@pytest.mark.parametrize("node", NODES)
def test_both_services_wait_for_the_token_which_is_not_here(node: str) -> None:
    written = files(node)
    for service in ("hakeeper", "keepalived"):
        drop_in = written[f"/etc/systemd/system/{service}.service.d/cloud-init.conf"]
        assert "[Unit]\nConditionPathExists=/etc/hakeeper/token\n" in drop_in
    assert "/etc/hakeeper/token" not in written


@pytest.mark.parametrize("letter", "ab")
def test_keepalived_conf_is_that_of_the_fast_example(letter: str) -> None:
    example = (ROOT / f"conf/keepalived/fast-web-{letter}.conf").read_text()
    lines = [line for line in example.splitlines() if line.split("#")[0].strip()]
    conf = files(f"web-{letter}")["/etc/keepalived/keepalived.conf"]
    assert lines == [line for line in conf.splitlines() if line]


def test_both_nodes_differ_only_in_what_is_theirs() -> None:
    first, second = ((CONF / f"{node}.yaml").read_text().splitlines() for node in NODES)
    different = [one.split()[0] for one, two in zip(first, second, strict=True) if one != two]
    assert different == [
        "#", "#", "ExecStartPre=/bin/sh", "vrrp_address:",
        "router_id", "priority", "unicast_src_ip", "10.0.0.3",
    ]  # fmt: skip


def test_hcloud_knows_the_options_of_the_page() -> None:
    [block, *_] = blocks((ROOT / "docs/cloud-init.md").read_text(), "sh")
    for command in block.splitlines():
        words = command.split()
        done = subprocess.run([*words[:3], "--help"], capture_output=True, text=True, check=True)
        known = set(re.findall(r"--[a-z-]+", done.stdout))
        assert {word.split("=")[0] for word in words if word.startswith("--")} <= known
