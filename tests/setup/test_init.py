"""`hakeeper init` as a process, with keepalived's own test and a simulated cloud."""

import os
import shutil
from pathlib import Path

import pytest

from tests.setup.bare import PEER, USER_ID, Bare

TUTORIAL = """\
vrrp_script chk_nginx {
    script "/usr/bin/pgrep nginx"
    interval 2
    weight -101
}

vrrp_instance VI_1 {
    interface enp7s0
    state MASTER
    priority 200

    virtual_router_id 30
    unicast_src_ip 10.0.0.2
    unicast_peer {
        10.0.0.3
    }

    authentication {
        auth_type PASS
        auth_pass Yd3kPq9sWz1t
    }
    notify_master /etc/keepalived/failover.sh
}
"""
LINES = """\
global_defs {
    vrrp_notify_fifo /run/hakeeper/notify.fifo hakeeper hakeeper
    enable_dbus
}

"""
SCRIPT = "#!/bin/sh\ncurl https://api.hetzner.cloud/v1/floating_ips/1/actions/assign\n"


def with_tutorial(server: Bare) -> Bare:
    server.namespace.ip("address add 203.0.113.10/32 dev eth0")
    server.conf.write_text(TUTORIAL)
    script = server.conf.with_name("failover.sh")
    script.write_text(SCRIPT)
    script.chmod(0o755)
    return server


def refused(server: Bare, *words: str, code: int = 78, before: str = "") -> str:
    """Run init; it must refuse, and change nothing."""
    files = server.files()
    told = server.init("--yes", *words, before=before)
    assert told.code == code, (told.out, told.err)
    assert server.files() == files
    return told.err


# --- a bare server -------------------------------------------------------------------------------


def test_a_bare_server_is_set_up_and_the_second_time_there_is_nothing_to_do(server: Bare) -> None:
    told = server.init("--yes")

    assert (0, "") == (told.code, told.err)
    assert "web-a (id 101), private address 10.0.0.2\n" in told.out
    assert "web-b (id 102), private address 10.0.0.3\n" in told.out
    assert "tried: with these files a failover to this server would work\n" in told.out
    assert told.out.endswith(
        "on web-b, unless it is set up: hakeeper init --peer 10.0.0.2 --address web --instance VI_1"
        f" --endpoint {server.endpoint} --router-id 51 --priority 100\n"
    )
    files = server.files()
    assert sorted(files) == [
        "hakeeper/hakeeper.yaml",
        "hakeeper/token",
        "keepalived/keepalived.conf",
        "systemd/system/keepalived.service.d/hakeeper-init.conf",
    ]
    assert {mode for name, (_, mode, _) in files.items() if name != "hakeeper/token"} == {0o644}
    requests = [one for one in server.cloud.requests() if one.method != "GET"]
    assert [one.path for one in requests] == ["/v1/floating_ips/0/actions/assign"], "as check does"

    again = server.init("--yes")
    assert (0, "") == (again.code, again.err)
    assert "nothing to do\n" in again.out
    assert server.files() == files


@pytest.mark.parametrize("way", ["file", "environment"])
def test_the_token_comes_from_where_it_is_and_is_written_for_root_alone(
    bare: Bare, way: str
) -> None:
    bare.environment = {"HCLOUD_TOKEN": bare.token} if way == "environment" else {}
    given = bare.etc / "given"
    given.touch(mode=0o600)
    given.write_text(f"  {bare.token}\n")
    told = bare.init("--yes", *(("--token-file", "/etc/given") if way == "file" else ()))

    assert told.code == 0, told.err
    assert "+++ /etc/hakeeper/token (new, mode 0600; its content is not shown)\n" in told.out
    assert bare.files()["hakeeper/token"] == (f"{bare.token}\n".encode(), 0o600, 0)


def test_on_a_terminal_it_asks_for_what_is_missing_and_shows_no_token(bare: Bare) -> None:
    told = bare.on_terminal(
        *("init", "--endpoint", bare.endpoint, "--no-start"),
        answers=[
            ("The other server's private address: ", PEER),
            ("The floating IP to move (name, id or address): ", "web"),
            ("The API token, with read and write permission (not shown): ", bare.token),
            ("Do so? [y/N] ", "y"),
        ],
    )

    assert told.code == 0, told.out
    assert "\x1b[32m+" in told.out, "in colour"
    assert bare.files()["hakeeper/token"][0] == f"{bare.token}\n".encode()


@pytest.mark.parametrize("answer", ["n", "", "perhaps"])
def test_only_yes_is_yes_and_no_color_is_no_color(server: Bare, answer: str) -> None:
    files = server.files()
    server.environment = {"NO_COLOR": "1"}
    told = server.on_terminal(
        *("init", "--peer", PEER, "--address", "web", "--endpoint", server.endpoint),
        "--no-start",
        answers=[("Do so? [y/N] ", answer)],
    )

    assert told.code == 0, told.out
    assert "nothing was changed\n" in told.out
    assert "\x1b" not in told.out
    assert server.files() == files


def test_a_dry_run_shows_all_and_changes_nothing(server: Bare) -> None:
    files = server.files()
    told = server.init("--dry-run")

    assert (0, "") == (told.code, told.err)
    assert "+vrrp_instance VI_1 {\n" in told.out
    assert server.files() == files


@pytest.mark.parametrize(
    ("words", "flag"),
    [
        (("--address", "web"), "--peer is missing"),
        (("--peer", PEER), "--address is missing"),
        (("--peer", PEER, "--address", "web"), "--token-file is missing"),
    ],
)
def test_without_a_terminal_what_is_missing_is_named_by_its_flag(
    bare: Bare, words: tuple[str, ...], flag: str
) -> None:
    told = bare.run("init", *words)

    assert told.code == 2
    assert told.err.startswith(flag)
    assert len(told.err.splitlines()) == 1


def test_without_a_terminal_and_without_yes_nothing_is_changed(server: Bare) -> None:
    files = server.files()
    told = server.init()

    assert told.code == 2
    assert "--yes is missing" in told.err
    assert server.files() == files


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--peer", "10.0.0.2"), "--peer 10.0.0.2: that is this server's own address"),
        (("--peer", "10.0.0.9"), "--peer 10.0.0.9: no server of this token's project has this"),
        (("--address", "mail"), "no such floating IP; it has: web (203.0.113.10)."),
        (("--address", "203.0.113.999"), "`203.0.113.999` is not a valid address"),
        (("--token-file", "/etc/missing"), "/etc/missing"),
        (("--instance", "a" * 60, "--endpoint", "http://example.com"), "hetzner.endpoint"),
    ],
)
def test_what_does_not_exist_is_refused(server: Bare, words: tuple[str, ...], said: str) -> None:
    assert said in refused(server, *words)


def test_another_token_than_the_one_that_is_there_is_not_written_over_it(server: Bare) -> None:
    other = server.etc / "other"
    other.touch(mode=0o600)
    other.write_text(server.cloud.add_client("other"))

    assert "rm /etc/hakeeper/token, then" in refused(server, "--token-file", "/etc/other")


def test_a_token_that_the_api_refuses_changes_nothing(bare: Bare) -> None:
    place = bare.etc / "hakeeper/token"
    place.touch(mode=0o600)
    place.write_text("x" * 64)

    assert "does not say which server this is" in refused(bare, code=69)


def test_a_token_that_may_only_read_is_found_out_before_anything_is_written(bare: Bare) -> None:
    place = bare.etc / "hakeeper/token"
    place.touch(mode=0o600)
    place.write_text(bare.cloud.add_client("reader", read_only=True))
    said = refused(bare, code=69)

    assert said.startswith("a failover to this server would not work; nothing was changed (lines")
    assert "read" in said
    assert "    do:  " in said


def test_only_root_may(server: Bare) -> None:
    told = server.init(before='set -- setpriv --reuid 990 --clear-groups "$@"')

    assert (77, "only root may do this: sudo hakeeper init\n") == (told.code, told.err)


# --- a server with keepalived --------------------------------------------------------------------


def test_the_tutorials_file_gets_two_lines_and_keeps_its_script(server: Bare) -> None:
    with_tutorial(server)
    server.conf.chmod(0o640)
    os.chown(server.conf, 0, USER_ID)
    told = server.run("init", "--address", "web", "--endpoint", server.endpoint, "--no-start",
                      "--yes")  # fmt: skip

    assert (0, "") == (told.code, told.err), "the peer is that of keepalived.conf"
    assert server.conf.read_text() == LINES + TUTORIAL
    seen = server.conf.stat()
    assert (seen.st_mode & 0o777, seen.st_gid) == (0o640, USER_ID)
    kept = server.conf.with_name("keepalived.conf.before-hakeeper-init.1")
    assert kept.read_text() == TUTORIAL
    assert "(what it was: /etc/keepalived/keepalived.conf.before-hakeeper-init.1)\n" in told.out
    assert "runs `/etc/keepalived/failover.sh`, which moves an address, too" in told.out
    assert "Yd3kPq9sWz1t" not in told.out
    assert not (server.etc / "systemd/system/keepalived.service.d").exists()


def test_a_script_is_not_taken_out_before_hakeeper_hears_keepalived(server: Bare) -> None:
    assert "hakeeper does not hear keepalived yet" in refused(
        with_tutorial(server), "--remove-scripts"
    )


def test_what_keepalived_itself_refuses_is_found_out_before(server: Bare) -> None:
    server.conf.write_text(TUTORIAL.replace("    virtual_router_id 30\n", ""))
    said = refused(server, code=69)

    assert "virtual_router_id" in said
    assert "/etc/keepalived/keepalived.conf" in said
    assert "hakeeper-init-trial" not in said, "the file has its own name"
    assert "lines are counted in the new files" in said


def test_a_linked_file_stays_a_link(server: Bare) -> None:
    with_tutorial(server)
    real = server.etc / "own/keepalived.conf"
    real.parent.mkdir()
    server.conf.rename(real)
    server.conf.symlink_to("/etc/own/keepalived.conf")
    told = server.init("--yes")

    assert told.code == 0, told.err
    assert server.conf.is_symlink()
    assert real.read_text() == LINES + TUTORIAL


def test_relative_includes_are_followed_from_where_the_file_will_be(server: Bare) -> None:
    (server.conf.parent / "parts").mkdir()
    part = server.conf.parent / "parts/web.conf"
    with_tutorial(server)
    server.conf.rename(part)
    server.conf.write_text("include parts/*.conf\n")
    told = server.init("--yes")

    assert told.code == 0, told.err
    assert server.conf.read_text() == f"{LINES}include parts/*.conf\n"


def test_a_hakeeper_yaml_of_another_content_is_not_changed(server: Bare) -> None:
    server.yaml.write_text(
        "instances: {VI_9: {floating_ips: [web]}}\n"
        f"hetzner: {{endpoint: '{server.endpoint}'}}\n"
    )
    said = refused(server)

    assert "/etc/hakeeper/hakeeper.yaml is there already" in said
    assert "\n  VI_1:\n    floating_ips: [web]\n" in said


def test_a_broken_hakeeper_yaml_is_refused_with_its_line(server: Bare) -> None:
    server.yaml.write_text("instances: {VI_1: {floating_ip: [web]}}\n")

    assert refused(server).startswith("/etc/hakeeper/hakeeper.yaml:1:")


# --- when the system does not play along ---------------------------------------------------------


def test_without_keepalived_it_says_how_to_get_it(server: Bare) -> None:
    place = Path(shutil.which("keepalived") or "")
    before = f"mount --bind /dev/null {place}"

    assert refused(server, before=before) == (
        "keepalived is not installed; run: apt install keepalived\n"
    )


def test_a_read_only_etc(server: Bare) -> None:
    with_tutorial(server)
    said = refused(server, code=71, before="mount -o remount,bind,ro /etc")

    assert "Read-only file system); nothing was changed" in said


def test_a_full_disk_after_the_first_file(server: Bare) -> None:
    """hakeeper.yaml is written; keepalived.conf has no room, so hakeeper.yaml goes again."""
    with_tutorial(server)
    files = server.files()
    there = sorted(path.name for path in server.conf.parent.iterdir())
    small = (
        f"cp -a /etc/keepalived /run/all; mount -t tmpfs -o size={4 * len(there) + 4}k"
        " none /etc/keepalived; cp -a /run/all/. /etc/keepalived"
    )
    told = server.init("--yes", before=small, after="ls -A /etc/keepalived")

    assert told.code == 71
    assert "No space left on device" in told.err
    assert "nothing was changed" in told.err or "everything was put back as it was" in told.err
    left = "".join(f"{name}\n" for name in there)
    assert told.out.endswith(f"\n{left}"), "nothing else is left there"
    assert server.files() == files


def test_services_that_do_not_start_put_all_files_back(server: Bare) -> None:
    """No systemd runs here."""
    files = server.files()
    told = server.run("init", "--peer", PEER, "--address", "web", "--endpoint", server.endpoint,
                      "--yes")  # fmt: skip

    assert told.code == 71
    assert told.err.startswith("systemctl daemon-reload failed: ")
    assert "; everything was put back as it was" in told.err
    assert server.files() == files
