"""What counts of a keepalived.conf is told to the checks, with its place."""

from hakeeper.doctor.conf.configuration import KeepalivedConf
from tests.support.server_facts import CONF_PATH, read

TEXT = """\
global_defs {
    notify_fifo /run/first other
    script_user nobody nogroup
    vrrp_notify_fifo "/run/a fifo" hakeeper "the group"
    vrrp_notify_fifo_script "/usr/bin/hook 'a b'" root adm
    vrrp_notify_fifo_script /usr/bin/another
    enable_script_security off
    vrrp_higher_prio_send_advert off
}
vrrp_script web {
    script "/usr/bin/curl -s \\"localhost x\\""
    user www-data
    weight -101
}
vrrp_script empty {
}
vrrp_instance "VI 1" {
    state MASTER
    priority 150
    nopreempt
    dont_track_primary
    authentication {
        auth_type PASS
        auth_pass abcdefghijkl
    }
    unicast_peer {
        10.0.0.3 min_ttl 254
    }
    track_script {
        web weight 3
        late
        empty
    }
    notify_master "/usr/bin/move.sh 1.2.3.4" root
    notify_master /usr/bin/never
    notify /usr/bin/all
}
vrrp_script late {
    script /usr/bin/true
}
vrrp_sync_group "G 1" {
    group { "VI 1" VI_2 }
    notify_fault /usr/bin/fault
    track_script { late }
}
"""


def conf() -> KeepalivedConf:
    return read(TEXT)


def test_a_fifo_line_has_user_and_group_and_the_default_before_it() -> None:
    first, line = conf().fifos

    assert ("notify_fifo", "other", None, None) == (
        first.keyword, first.user, first.group, first.script_user,
    )  # fmt: skip
    assert ("/run/a fifo", "hakeeper", "the group", "nobody", "nogroup") == (
        line.path, line.user, line.group, line.script_user, line.script_group,
    )  # fmt: skip


def test_commands_are_split_as_by_keepalived_and_the_first_one_wins() -> None:
    (script,) = conf().fifo_scripts
    vi, group = conf().instances[0], conf().groups[0]

    assert (("/usr/bin/hook", "a b"), "root", "adm", f"{CONF_PATH}:5") == (
        script.words, script.user, script.group, str(script.place),
    )  # fmt: skip
    assert [
        ("notify_master", ("/usr/bin/move.sh", "1.2.3.4"), "root", 34),
        ("notify", ("/usr/bin/all",), None, 36),
    ] == [(one.keyword, one.words, one.user, one.place.line) for one in vi.commands]
    assert [("notify_fault", "/usr/bin/fault")] == [
        (one.keyword, one.program) for one in group.commands
    ]


def test_scripts_are_reported_and_what_tracks_them() -> None:
    seen = conf()
    web, late = seen.scripts

    assert web.command is not None
    assert (("/usr/bin/curl", "-s", "localhost x"), "www-data", "-101") == (
        web.command.words, web.command.user, web.weight,
    )  # fmt: skip
    assert "late" == late.name
    assert [("web", 30)] == [(one.name, one.place.line) for one in seen.instances[0].tracked]
    assert ["late"] == [one.name for one in seen.groups[0].tracked]
    assert () == seen.unused_scripts
    assert seen.script_user is not None
    assert ("nobody", "nogroup") == seen.script_user.arguments


def test_the_start_of_an_instance_is_reported() -> None:
    vi = conf().instances[0]

    assert ("VI 1", "MASTER", 18, 150, True) == (
        vi.name, vi.state, vi.state_place and vi.state_place.line, vi.priority, vi.is_preempting,
    )  # fmt: skip
    assert ("PASS", 12, 22) == (
        vi.auth_type, vi.auth_pass_length, vi.auth_place and vi.auth_place.line,
    )  # fmt: skip
    assert {"nopreempt", "dont_track_primary"} < set(vi.keywords)
    assert ("VI 1", "VI_2") == conf().groups[0].members
    assert "abcdefghijkl" not in repr(conf())


def test_switches_are_off_only_where_keepalived_looks_for_it() -> None:
    assert "enable_script_security" in conf().global_keywords
    assert "vrrp_higher_prio_send_advert" not in conf().global_keywords


def test_ignored_lines_are_reported_with_their_place() -> None:
    ignored = {one.place.line: one for one in conf().ignored}

    assert {6, 15, 31, 35} == set(ignored)
    assert f"keepalived keeps the first one ({CONF_PATH}:5)" == ignored[6].why
    assert "vrrp_script late { … }    # above all blocks that track it" == ignored[31].cure
    assert () == conf().unread


def test_what_synchronizes_connections_is_known() -> None:
    """In `global_defs` keepalived does it only for an instance, even one that it does not have."""
    line = "lvs_sync_daemon_interface eth0"
    texts = {
        f"vrrp_instance A {{\n {line}\n}}\n": 2,
        f"vrrp_instance A {{\n}}\nvrrp_instance A {{\n {line}\n}}\n": None,
        "global_defs {\n lvs_sync_daemon eth0 A id 5\n}\n": 2,
        "global_defs {\n lvs_sync_daemon eth0\n}\n": None,
    }
    found = [read(text).lvs_sync for text in texts]

    assert [None if one is None else one.place.line for one in found] == [*texts.values()]
