"""Notify scripts that call Hetzner's API: found in the file, and by a look into them."""

import os
import sys
from pathlib import Path

import pytest

from hakeeper.doctor.conf.configuration import NotifyScript
from hakeeper.doctor.facts import ScriptFacts
from hakeeper.doctor.finding import Place
from hakeeper.doctor.gather.scripts import script_facts
from tests.support.privileges import public_folder, unprivileged
from tests.support.server_facts import CONF, read


def look(command: str) -> ScriptFacts:
    script = NotifyScript(keyword="notify", owner="V", command=command, place=Place("f"))
    return script_facts([script])[command]


def script(folder: Path, text: str, mode: int = 0o700) -> Path:
    path = folder / "failover.sh"
    path.write_text(text)
    path.chmod(mode)
    return path


def test_the_lines_of_instances_and_groups_are_found_with_their_commands() -> None:
    lines = ('notify_master "/a.sh x y" root root', "notify /b.sh", "notify_stop", "version 3")
    text = CONF.replace("    version 3\n", "".join(f"    {line}\n" for line in lines))
    conf = read(text + "vrrp_sync_group G {\n group {\n VI_1\n }\n notify_backup /c.sh u g\n}\n")

    assert [
        ("notify_master", "VI_1", "/a.sh x y", 15),
        ("notify", "VI_1", "/b.sh", 16),
        ("notify_backup", "G", "/c.sh", 34),
    ] == [(one.keyword, one.owner, one.command, one.place.line) for one in conf.notify_scripts]


@pytest.mark.parametrize(
    ("text", "sign"),
    [
        ("curl -X POST https://api.hetzner.cloud/v1/x", "api.hetzner.cloud"),
        ("hcloud floating-ip assign web web-a\n", "hcloud"),
        ("exec /usr/local/bin/hcloud\tx", "/usr/local/bin/hcloud"),
        ("from hcloud import Client", "hcloud"),
        ("import hcloud", "hcloud"),
        ("IP=$FLOATING\nurl=$API/floating_ips/4711", "floating_ips"),
        ("curl $URL/actions/assign", "actions/assign"),
        ("curl $URL/actions/change_alias_ips", "change_alias_ips"),
        ("n=0\nuntil /opt/hcloud-ip -ip $IP -key $TOKEN; do sleep 3; done", "/opt/hcloud-ip"),
        ("\0\xff api.hetzner.cloud", "api.hetzner.cloud"),
        ("echo master | mail root", ""),
        ("# hcloud floating-ip assign web web-a\n  # api.hetzner.cloud\n", ""),
        ("logger my-hcloud says; echo hcloudy", ""),
    ],
)
def test_a_script_that_calls_the_api_is_recognised_by_its_text(
    tmp_path: Path, text: str, sign: str
) -> None:
    path = script(tmp_path, f"#!/bin/sh\n{text}")

    assert ScriptFacts(sign=sign) == look(f"{path} web-a")
    assert ScriptFacts(sign=sign) == look(f"/bin/sh '{path}'")


def test_a_command_without_a_script_may_call_it_too() -> None:
    assert "hcloud" == look("hcloud floating-ip assign web web-a").sign


def test_anything_but_a_regular_file_is_ignored_without_blocking(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path, tmp_path / "none", tmp_path / "fifo", "/dev/zero", sys.executable):
        assert ScriptFacts() == look(str(path))


def test_a_script_that_others_may_write_is_not_read(tmp_path: Path) -> None:
    path = script(tmp_path, "hcloud x", 0o766)

    assert "others may write to it (mode 0766)" == look(str(path)).unread


def test_an_unreadable_script_is_reported() -> None:
    with public_folder() as folder:
        path = script(folder, "hcloud x", 0o700)
        with unprivileged():
            assert ScriptFacts(unread="Permission denied") == look(str(path))
        assert "hcloud" == look(str(path)).sign
