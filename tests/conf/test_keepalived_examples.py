"""The keepalived.conf files that we hand out are accepted by a real keepalived."""

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from hakeeper.adapters.configfile import load
from hakeeper.core.model import VrrpId, VrrpKind
from hakeeper.sim.lab.netns import Namespace

CONF = Path(__file__).parents[2] / "conf"
EXAMPLES = sorted((CONF / "keepalived").glob("*.conf"))


@pytest.fixture(scope="module")
def server() -> Iterator[Namespace]:
    """A network namespace with the interfaces of a server at Hetzner."""
    with Namespace(f"hkconf{os.getpid()}") as namespace:
        for name in ("eth0", "enp7s0"):
            namespace.ip(f"link add {name} type veth peer name {name}-peer")
        yield namespace


def config_test(server: Namespace, path: Path) -> "subprocess.CompletedProcess[str]":
    argv = server.inside(["keepalived", "--config-test", "-f", str(path)])
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=30)


def test_there_is_a_pair_of_files_for_each_profile() -> None:
    names = [path.name for path in EXAMPLES]

    assert names == [
        "fast-web-a.conf",
        "fast-web-b.conf",
        "plain-web-a.conf",
        "plain-web-b.conf",
    ]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_keepalived_accepts_the_example_without_a_word(server: Namespace, path: Path) -> None:
    done = config_test(server, path)

    assert (0, "", "") == (done.returncode, done.stdout, done.stderr)


def test_keepalived_would_tell_of_a_mistake(server: Namespace, tmp_path: Path) -> None:
    broken = tmp_path / "broken.conf"
    broken.write_text(EXAMPLES[0].read_text().replace("advert_int", "advert_interval"))

    assert config_test(server, broken).returncode != 0


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_the_example_goes_with_the_hakeeper_yaml_beside_it(path: Path) -> None:
    config = load(CONF / "hakeeper.yaml")
    text = path.read_text()
    fifo = re.search(r"^ *vrrp_notify_fifo (\S+) (\S+) (\S+)$", text, re.MULTILINE)
    instances = re.findall(r"^vrrp_instance (\S+)", text, re.MULTILINE)

    assert fifo is not None
    assert fifo.groups() == (str(config.keepalived.fifo), "hakeeper", "hakeeper")
    assert [VrrpId(VrrpKind.INSTANCE, name) for name in instances] == list(config.addresses)


@pytest.mark.parametrize("profile", ["plain", "fast"])
def test_both_nodes_of_a_pair_differ_only_in_what_is_theirs(profile: str) -> None:
    texts = [(CONF / f"keepalived/{profile}-web-{node}.conf").read_text() for node in "ab"]
    first, second = (text.splitlines() for text in texts)
    different = [
        one.split()[0].lstrip("#") for one, two in zip(first, second, strict=True) if one != two
    ]

    assert different == ["", "router_id", "priority", "unicast_src_ip", "10.0.0.3"]
