"""What the page about alias IPs tells to write and to run does what it says."""

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from hakeeper.config import parse
from hakeeper.core.calls import Obstacle
from hakeeper.core.observation import Part, Reading
from hakeeper.demo.cloud import SimCloud
from hakeeper.demo.lab.netns import Namespace
from hakeeper.kinds import ALIAS_IPS
from hakeeper.kinds.alias_ip import MOST
from hakeeper.kinds.json_fields import network
from tests.support.resources import this_server
from tests.support.server_namespace import server_namespace

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "alias-ips.md"
TEXT = PAGE.read_text()
PLAIN, NONLOCAL, BY_HAND = (
    re.sub(r" +# .*", "", block)
    for block in re.findall(r"^```sh\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
)
INTERNAL = Part(key=7, name="internal", network=network("10.0.0.0/16"))
TWIN = Part(key=9, name="twin", network=network("10.0.0.0/16"))


def yaml_blocks() -> list[str]:
    return re.findall(r"^```yaml\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


@pytest.fixture
def server() -> Iterator[Namespace]:
    """A network namespace with the interfaces of a server at Hetzner."""
    with server_namespace("hkalias") as namespace:
        yield namespace


def carried_out(commands: str, server: Namespace, folder: Path) -> Path:
    """Run commands of the page with an /etc of our own, and return that."""
    etc = folder / "etc"
    for name in ("keepalived", "sysctl.d"):
        (etc / name).mkdir(parents=True)
    commands = commands.replace("/usr/share/hakeeper/examples", str(ROOT / "conf"))
    server.run("bash", "-euc", commands.replace("/etc/", f"{etc}/"))
    return etc


def test_both_forms_of_the_configuration_are_good() -> None:
    instances = (parse(text, "hakeeper.yaml").instances["VI_1"] for text in yaml_blocks())
    one, several = ([str(each) for each in its.resources["alias_ips"]] for its in instances)
    assert ["10.0.0.100"] == one
    assert ["10.0.0.100 in internal", "10.0.0.101 in internal"] == several


@pytest.mark.parametrize("example", ["plain-web-a", "plain-web-b", "fast-web-a", "fast-web-b"])
def test_the_examples_of_keepalived_are_good_after_the_change(
    server: Namespace, tmp_path: Path, example: str
) -> None:
    etc = carried_out(PLAIN.replace("plain-web-a", example), server, tmp_path)
    made = etc / "keepalived" / "keepalived.conf.new"
    assert "10.0.0.100/32 dev enp7s0\n" in made.read_text()
    assert "203.0.113.10/32" not in made.read_text()
    command = server.inside(["keepalived", "--config-test", "-f", str(made)])
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    assert (0, "", "") == (done.returncode, done.stdout, done.stderr)


def test_a_program_may_listen_on_an_address_that_is_not_there(
    server: Namespace, tmp_path: Path
) -> None:
    listen = "import socket; socket.create_server(('10.0.0.100', 0))"
    assert 0 != subprocess.run(server.inside(["python3", "-c", listen]), check=False).returncode
    carried_out(NONLOCAL, server, tmp_path)
    server.run("python3", "-c", listen)


def test_the_commands_by_hand_move_it() -> None:
    with SimCloud() as cloud:
        internal = cloud.add_network("internal", "10.0.0.0/16")
        a, b = (cloud.add_server(name) for name in ("web-a", "web-b"))
        cloud.attach(a, internal, "10.0.0.2")
        cloud.attach(b, internal, "10.0.0.3", alias_ips=["10.0.0.100"])
        done = subprocess.run(
            ["bash", "-euc", BY_HAND],
            env={**os.environ, "HCLOUD_ENDPOINT": cloud.url, "HCLOUD_TOKEN": cloud.add_client("x")},
            capture_output=True,
            text=True,
            check=True,
        )
        assert "10.0.0.100" in done.stdout
        assert {"10.0.0.100": a} == cloud.aliases(internal)


# --- the table of errors ----------------------------------------------------------------------


def told() -> dict[str, set[str]]:
    """What the table has, by the event and the code."""
    rows = re.findall(r"^\| (`(?:address|claim)\.\S+(?:, `\w+`)?) \| (.*?) \|", TEXT, re.MULTILINE)
    found: dict[str, set[str]] = {}
    for event, says in rows:
        found.setdefault(event.rpartition("`, `")[2].strip("`"), set()).add(says.rstrip(" …"))
    return found


def refusals() -> set[str]:
    """Every reason for which an alias IP is not found."""
    ours = Part(key=7, rows=(("1", "10.0.0.2"),))
    cases = (
        (ALIAS_IPS.ref("10.0.0.100"), (INTERNAL, TWIN)),
        (ALIAS_IPS.ref("192.168.1.1"), (INTERNAL,)),
        (ALIAS_IPS.ref("10.0.0.100", network="gone"), (INTERNAL,)),
        (ALIAS_IPS.ref("10.1.0.1", network="internal"), (INTERNAL,)),
        (ALIAS_IPS.ref("10.0.0.2"), (INTERNAL, ours)),
    )
    return {ALIAS_IPS.why_not_found(ref, Reading((), parts=parts)) or "" for ref, parts in cases}


def test_the_reasons_in_the_table_are_those_of_the_code() -> None:
    said, reasons = told()["address.unresolved"], refusals()
    assert len(said) == len(reasons) == 5
    for reason in reasons:
        assert 1 == len([each for each in said if each in reason]), reason


@pytest.mark.parametrize(
    ("code", "rows"),
    [
        ("not_attached", [("2", "10.0.0.3")]),
        ("no_room", [("1", "10.0.0.2", *(f"10.0.1.{number}" for number in range(MOST)))]),
    ],
)
def test_the_obstacles_in_the_table_are_those_of_the_code(
    code: str, rows: list[tuple[str, ...]]
) -> None:
    read = Reading((), parts=(INTERNAL, Part(key=7, rows=tuple(rows))))
    seen = ALIAS_IPS.find(ALIAS_IPS.ref("10.0.0.100"), None, read)
    assert seen is not None
    obstacle = ALIAS_IPS.next_step(seen, this_server(1))
    assert isinstance(obstacle, Obstacle)
    [says] = told()[code]
    parts = says.split(" … ")
    assert (code, True) == (obstacle.code, all(each in obstacle.message for each in parts))


def test_the_limit_on_the_page_is_that_in_the_code() -> None:
    assert f"- {MOST} alias IPs for each server" in TEXT
