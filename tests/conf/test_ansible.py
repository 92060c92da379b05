"""The Ansible role: what its templates make is good, and its variables are told where one looks."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from hakeeper.config import parse
from hakeeper.core.model import VrrpId, VrrpKind
from hakeeper.demo.lab.netns import Namespace
from tests.support.markdown import blocks
from tests.support.server_namespace import server_namespace

ROOT = Path(__file__).parents[2]
CONF = ROOT / "conf/ansible"
ROLE = CONF / "roles/hakeeper"
RENDER = """\
- hosts: hakeeper
  connection: local
  gather_facts: false
  tasks:
    - ansible.builtin.include_role: {name: hakeeper, tasks_from: judge, public: true}
    - ansible.builtin.debug:
        msg:
          hakeeper.yaml: "{{ lookup('template', role ~ '/templates/hakeeper.yaml.j2') }}"
          keepalived.conf: "{{ lookup('template', role ~ '/templates/keepalived.conf.j2') }}"
"""
TOKEN = "x" * 64
EVERYTHING = {
    "hakeeper_settings": {"reconcile": {"interval": "2s"}, "server": "no"},
    "hakeeper_advert_interval_s": 1,
    "hakeeper_global_defs": ["vrrp_garp_interval 0.1"],
    "hakeeper_keepalived_lines": ['vrrp_script up {\n    script "/bin/true"\n}'],
    "hakeeper_instances": {
        "VI_1": {
            "hakeeper": {
                "floating_ips": ["web", 4711, {"label": "role=web"}],
                "alias_ips": ["10.0.0.100"],
                "hooks": {"on_master": ["/bin/true"]},
            },
            "virtual_router_id": 51,
            "virtual_ipaddress": ["203.0.113.10/32 dev eth0", "10.0.0.100/32 dev enp7s0"],
            "priority": 99,
            "lines": ["track_script {\n        up\n    }"],
        },
        "on": {
            "hakeeper": {"floating_ips": ["1e3"]},
            "virtual_router_id": 52,
            "virtual_ipaddress": ["203.0.113.11/32 dev eth0"],
        },
    },
}


def ansible(
    folder: Path, *arguments: str, **variables: object
) -> "subprocess.CompletedProcess[str]":
    """Let Ansible itself judge the variables of both servers, and make both files of each."""
    playbook = folder / "render.yml"
    playbook.write_text(RENDER)
    given = {"role": str(ROLE), "hakeeper_token": TOKEN} | variables
    (folder / "given.json").write_text(json.dumps(given))
    program = Path(sys.executable).with_name("ansible-playbook")
    return subprocess.run(
        [
            program,
            "-i",
            CONF / "inventory.yml",
            playbook,
            *arguments,
            "-e",
            f"@{folder}/given.json",
        ],
        cwd=folder,
        env={
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": str(folder),
            "LC_ALL": "C.UTF-8",
            "ANSIBLE_ROLES_PATH": str(ROLE.parent),
        },
        capture_output=True,
        text=True,
        check=False,
    )


def rendered(folder: Path, *inventories: Path, **variables: object) -> dict[str, dict[str, str]]:
    """The texts of the files, by server and name; an inventory adds one server to the example's."""
    done = ansible(folder, *(f"--inventory={each}" for each in inventories), **variables)
    assert done.returncode == 0, done.stdout + done.stderr
    shown = re.findall(r"^ok: \[(\S+)\] => (\{\n.*?^\})$", done.stdout, re.MULTILINE | re.DOTALL)
    assert len(shown) == 2 + len(inventories), done.stdout
    return {server: json.loads(text)["msg"] for server, text in shown}


@pytest.fixture(scope="module")
def server() -> Iterator[Namespace]:
    """A network namespace with the interfaces of a server at Hetzner."""
    with server_namespace("hkans") as namespace:
        yield namespace


def keepalived_says(server: Namespace, text: str, folder: Path) -> tuple[int, str, str]:
    """What keepalived's own test says of a file."""
    path = folder / "keepalived.conf"
    path.write_text(text)
    argv = server.inside(["keepalived", "--config-test", "-f", str(path)])
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=30)
    return done.returncode, done.stdout, done.stderr


def test_the_example_makes_good_files(server: Namespace, tmp_path: Path) -> None:
    files = rendered(tmp_path)
    for name, own in (("web-a", "10.0.0.2"), ("web-b", "10.0.0.3")):
        config = parse(files[name]["hakeeper.yaml"], "hakeeper.yaml")
        refs = {vrrp: [*map(str, each)] for vrrp, each in config.resources.items()}
        assert refs == {VrrpId(VrrpKind.INSTANCE, "VI_1"): ["web"]}
        assert f"vrrp_address: {own}\n" in files[name]["hakeeper.yaml"]
        conf = files[name]["keepalived.conf"]
        assert (0, "", "") == keepalived_says(server, conf, tmp_path)
        assert f"unicast_src_ip {own}\n" in conf
    texts = [files[name]["keepalived.conf"].splitlines() for name in ("web-a", "web-b")]
    different = [one.split()[0] for one, two in zip(*texts, strict=True) if one != two]
    assert different == ["#", "router_id", "priority", "unicast_src_ip", "10.0.0.3"]


def test_three_servers_are_peers_of_each_other(server: Namespace, tmp_path: Path) -> None:
    third = tmp_path / "third.yml"
    hosts = {"web-c": {"hakeeper_private_address": "10.0.0.4"}}
    third.write_text(json.dumps({"hakeeper": {"hosts": hosts}}))
    files = rendered(tmp_path, third)
    found = {}
    for name, texts in files.items():
        conf = texts["keepalived.conf"]
        assert (0, "", "") == keepalived_says(server, conf, tmp_path)
        [priority] = re.findall(r"^ +priority (\d+)$", conf, re.MULTILINE)
        [peers] = re.findall(r"unicast_peer \{(.*?)\}", conf, re.DOTALL)
        found[name] = (priority, peers.split())
    assert found == {
        "web-a": ("150", ["10.0.0.3", "10.0.0.4"]),
        "web-b": ("140", ["10.0.0.2", "10.0.0.4"]),
        "web-c": ("130", ["10.0.0.2", "10.0.0.3"]),
    }


def test_all_variables_make_good_files(server: Namespace, tmp_path: Path) -> None:
    files = rendered(tmp_path, **EVERYTHING)["web-a"]
    config = parse(files["hakeeper.yaml"], "hakeeper.yaml")
    assert [vrrp.name for vrrp in config.resources] == ["VI_1", "on"]
    conf = files["keepalived.conf"]
    assert (0, "", "") == keepalived_says(server, conf, tmp_path)
    assert re.findall(r"^ +priority (\d+)$", conf, re.MULTILINE) == ["99", "150"]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"hakeeper_token": ""}, "Neither hakeeper_token nor hakeeper_robot_login is set"),
        ({"hakeeper_nodes": ["web-a"]}, "needs two servers or more"),
        ({"hakeeper_instances": {"VI_7": {"hakeeper": {}}}}, "hakeeper_instances.VI_7 needs"),
    ],
)
def test_what_is_missing_is_named(wrong: dict[str, Any], said: str, tmp_path: Path) -> None:
    done = ansible(tmp_path, "-vvv", **wrong)
    assert done.returncode != 0
    assert said in done.stdout + done.stderr
    assert TOKEN not in done.stdout + done.stderr


def test_defaults_specification_and_readme_agree() -> None:
    defaults = yaml.safe_load((ROLE / "defaults/main.yml").read_text())
    specs = yaml.safe_load((ROLE / "meta/argument_specs.yml").read_text())["argument_specs"]
    options = specs["main"]["options"]
    assert options == specs["upgrade"]["options"]
    assert defaults == {
        name: each["default"] for name, each in options.items() if "required" not in each
    }
    readme = (ROLE / "README.md").read_text()
    rows = re.findall(r"^\| `(hakeeper_\w+)` \| (.*?) \|", readme, re.MULTILINE)
    assert [(name, _default_shown(each)) for name, each in options.items()] == rows


def _default_shown(option: dict[str, Any]) -> str:
    if option.get("required"):
        return "required"
    value = option["default"]
    return f"`{value}`" if isinstance(value, str) and value else f"`{json.dumps(value)}`"


def test_every_variable_that_is_used_is_a_variable_of_the_role() -> None:
    options = yaml.safe_load((ROLE / "meta/argument_specs.yml").read_text())["argument_specs"]
    known = set(options["main"]["options"])
    made = set()
    used = set()
    for path in [*ROLE.glob("tasks/*.yml"), *ROLE.glob("templates/*.j2")]:
        text = path.read_text()
        made |= set(re.findall(r"register: (hakeeper_\w+)", text)) | {"hakeeper_roles"}
        used |= set(re.findall(r"\bhakeeper_\w+", text))
    assert used - made - {"hakeeper_"} == known


def test_the_page_shows_what_is_shipped() -> None:
    page = (ROOT / "docs/ansible.md").read_text()
    shipped = "".join(path.read_text() for path in CONF.rglob("*.yml"))
    shown = blocks(page, "yaml")
    assert len(shown) == 2
    for block in shown:
        assert block in shipped


@pytest.mark.nightly
def test_ansible_lint_has_nothing_to_say(tmp_path: Path) -> None:
    """With ansible-lint in an environment of its own, as pyproject.toml names it."""
    python = tmp_path / "venv/bin/python"
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    for wanted in (["pip>=25.1"], ["--group", f"{ROOT}/pyproject.toml:ansible"]):
        subprocess.run([python, "-m", "pip", "install", "--quiet", *wanted], check=True)
    plays = tmp_path / "plays"
    subprocess.run(["cp", "-r", CONF, plays], check=True)  # it leaves things beside what it reads
    done = subprocess.run(
        [python.with_name("ansible-lint"), "--offline", "--profile", "production", "--nocolor"],
        cwd=plays,
        env={"PATH": f"{python.parent}:/usr/bin:/bin", "HOME": str(tmp_path), "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Profile 'production' was required, and it passed" in done.stdout + done.stderr
