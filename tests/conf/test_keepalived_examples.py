"""The keepalived.conf files that we hand out are accepted by a real keepalived."""

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from hakeeper.adapters.configfile import load
from hakeeper.core.model import Role, VrrpId, VrrpKind
from hakeeper.demo.lab import Keepalived, wait_until
from hakeeper.demo.lab.netns import Namespace
from tests.support.server_namespace import INTERFACES, server_namespace

CONF = Path(__file__).parents[2] / "conf"
EXAMPLES = sorted((CONF / "keepalived").glob("*.conf"))
PATIENCE_S = 30.0


@pytest.fixture(scope="module")
def server() -> Iterator[Namespace]:
    """A network namespace with the interfaces of a server at Hetzner."""
    with server_namespace("hkconf") as namespace:
        yield namespace


def with_nginx(path: Path) -> str:
    """The example after the command that it names has switched the check of nginx on."""
    text = path.read_text()
    (script,) = re.findall(
        r"^#  +sed -i '(.*)' /etc/keepalived/keepalived.conf$", text, re.MULTILINE
    )
    done = subprocess.run(["sed", script, path], capture_output=True, text=True, check=True)
    assert done.stdout.count("nginx {\n") == 1
    assert done.stdout.count("track_script {\n") == 1
    return done.stdout


def config_test(server: Namespace, path: Path) -> "subprocess.CompletedProcess[str]":
    argv = server.inside(["keepalived", "--config-test", "-f", str(path)])
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=30)


def test_there_is_a_pair_of_files_for_each_profile() -> None:
    names = [path.name for path in EXAMPLES]

    assert names == [
        "fast-web-a.conf",
        "fast-web-b.conf",
        "fastest-web-a.conf",
        "fastest-web-b.conf",
        "plain-web-a.conf",
        "plain-web-b.conf",
    ]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_keepalived_accepts_the_example_without_a_word(server: Namespace, path: Path) -> None:
    done = config_test(server, path)

    assert (0, "", "") == (done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_so_it_does_with_the_check_of_nginx(server: Namespace, path: Path, tmp_path: Path) -> None:
    switched = tmp_path / "keepalived.conf"
    switched.write_text(with_nginx(path))
    done = config_test(server, switched)

    assert (0, "", "") == (done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
@pytest.mark.parametrize("nginx", [False, True], ids=["as-it-is", "with-the-check-of-nginx"])
def test_a_server_without_nginx_is_in_fault_only_with_its_check(
    path: Path, tmp_path: Path, *, nginx: bool
) -> None:
    text = with_nginx(path) if nginx else path.read_text()
    # The bus and the user of the FIFO are those of a whole machine.
    for line in ("enable_dbus", "vrrp_notify_fifo /run/hakeeper/notify.fifo hakeeper hakeeper"):
        assert f"    {line}\n" in text
        text = text.replace(f"    {line}\n", "")
    (own,) = re.findall(r"unicast_src_ip (\S+)", text)
    with server_namespace("hkrun") as namespace:
        for name in INTERFACES:
            namespace.ip(f"link set {name} up", f"link set {name}-peer up")
        namespace.ip(f"address add {own}/24 dev enp7s0")
        keepalived = Keepalived(
            "web",
            tmp_path,
            namespace=namespace,
            conf=text,
            environment={"PATH": os.environ["PATH"]},
            on_death=lambda: None,
        )
        try:
            keepalived.start()
            expected = Role.FAULT if nginx else Role.MASTER
            wait_until(
                lambda: keepalived.reports("VI_1", expected),
                timeout_s=PATIENCE_S,
                what=lambda: f"{expected}: {keepalived.log_text()}",
            )
        finally:
            keepalived.close()


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
    assert [VrrpId(VrrpKind.INSTANCE, name) for name in instances] == list(config.resources)


@pytest.mark.parametrize("profile", ["plain", "fast", "fastest"])
def test_both_nodes_of_a_pair_differ_only_in_what_is_theirs(profile: str) -> None:
    texts = [(CONF / f"keepalived/{profile}-web-{node}.conf").read_text() for node in "ab"]
    first, second = (text.splitlines() for text in texts)
    different = [
        one.split()[0].lstrip("#") for one, two in zip(first, second, strict=True) if one != two
    ]

    assert different == ["", "router_id", "priority", "unicast_src_ip", "10.0.0.3"]
