"""From what is wanted and what is so to what is to be done."""

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Interface, ip_network
from pathlib import Path

import pytest

from hakeeper.config import parse
from hakeeper.core.model import Server
from hakeeper.core.observation import Part
from hakeeper.doctor.conf.configuration import NotifyScript
from hakeeper.setup.errors import SetupError
from hakeeper.setup.known import Here, Places, There, Wishes, the_instance
from hakeeper.setup.look_there import neighbours
from hakeeper.setup.plan import Plan, make_plan
from hakeeper.setup.services import steps
from tests.support.resources import floating_ip, listed
from tests.support.server_facts import CONF, SERVER, WEB, at, read

PLACES = Places(
    config=Path("/etc/hakeeper/hakeeper.yaml"),
    token=Path("/etc/hakeeper/token"),
    keepalived_conf=Path("/etc/keepalived/keepalived.conf"),
)
PEER = Server(id=102, name="web-b", status="running")
WISHES = Wishes(peer=IPv4Address("10.0.0.3"), address="web", instance="VI_1")
BARE = Here(
    places=PLACES,
    primaries={
        "lo": IPv4Interface("127.0.0.1/8"),
        "eth0": IPv4Interface("192.0.2.9/32"),
        "enp7s0": IPv4Interface("10.0.0.2/32"),
    },
)
OTHER = floating_ip(id=4712, name="mail", network=ip_network("203.0.113.11"), server_id=None)
THERE = There(
    us=SERVER,
    peer=PEER,
    own_ip=IPv4Address("10.0.0.2"),
    seen=WEB,
    listed=listed((WEB, OTHER)).reading,
)
YAML = "instances: {VI_1: {floating_ips: [web], vrrp_address: 10.0.0.2}}\n"


def with_conf(text: str, **changes: object) -> Here:
    return replace(BARE, conf=read(text), conf_text=text, **changes)  # type: ignore[arg-type]


def names(plan: Plan) -> list[str]:
    return [one.path.name for one in plan.files]


def refused(wishes: Wishes = WISHES, here: Here = BARE, there: There = THERE) -> str:
    with pytest.raises(SetupError) as caught:
        make_plan(wishes, here, there, None)
    return str(caught.value)


# --- new -----------------------------------------------------------------------------------------


def test_a_bare_server_gets_all_files_and_keepalived_conf_last() -> None:
    plan = make_plan(WISHES, BARE, THERE, "TOKEN")

    assert names(plan) == ["token", "hakeeper.yaml", "hakeeper-init.conf", "keepalived.conf"]
    assert [oct(one.mode) for one in plan.files] == ["0o600", "0o644", "0o644", "0o644"]
    assert "TOKEN" not in "".join(line for one in plan.files for line in one.diff())
    assert "TOKEN" not in repr(plan)


def test_what_is_there_already_is_not_written_again() -> None:
    made = make_plan(WISHES, BARE, THERE, None)
    text = made.files[-1].after
    here = with_conf(text, config=parse(YAML, "test"), drop_in_text=made.files[1].after)

    assert make_plan(WISHES, here, THERE, None).files == ()


def test_both_servers_agree_on_who_is_preferred() -> None:
    ours = make_plan(WISHES, BARE, THERE, None)
    wishes = replace(WISHES, peer=THERE.own_ip)
    there = replace(THERE, own_ip=WISHES.peer)
    theirs = make_plan(wishes, replace(BARE, primaries={
        "eth0": IPv4Interface("192.0.2.9/32"), "ens10": IPv4Interface("10.0.0.3/32"),
    }), there, None)  # fmt: skip

    assert "    priority 150\n" in ours.files[-1].after
    assert "    priority 100\n" in theirs.files[-1].after
    assert ours.other_command == (
        "hakeeper init --peer 10.0.0.2 --address web --instance VI_1 --router-id 51 --priority 100"
    )
    assert theirs.other_command.endswith("--peer 10.0.0.3 --address web --instance VI_1"
                                         " --router-id 51 --priority 150")  # fmt: skip


@pytest.mark.parametrize(("ours", "theirs"), [(100, 150), (101, 100), (254, 100), (1, 51)])
def test_a_priority_that_is_given_leaves_another_one_for_the_peer(ours: int, theirs: int) -> None:
    plan = make_plan(replace(WISHES, priority=ours, router_id=7), BARE, THERE, None)

    assert f"    priority {ours}\n" in plan.files[-1].after
    assert plan.other_command.endswith(f"--router-id 7 --priority {theirs}")


def test_the_api_is_the_same_for_the_other_server() -> None:
    wishes = replace(WISHES, endpoint="https://proxy.example/v1")

    assert (
        "--endpoint https://proxy.example/v1" in make_plan(wishes, BARE, THERE, None).other_command
    )


@pytest.mark.parametrize(
    ("primaries", "said"),
    [
        ({"eth0": "192.0.2.9/32"}, "no interface has 10.0.0.2"),
        ({"enp7s0": "10.0.0.2/32"}, "no interface has this server's Primary IPv4"),
    ],
)
def test_an_interface_that_is_not_found_can_be_named(primaries: dict[str, str], said: str) -> None:
    here = replace(BARE, primaries={one: IPv4Interface(ip) for one, ip in primaries.items()})
    named = replace(WISHES, interface="ens10", public_interface="ens3")

    assert refused(here=here).startswith(said)
    text = make_plan(named, here, THERE, None).files[-1].after
    assert "interface ens10\n" in text
    assert "203.0.113.10/32 dev ens3\n" in text


def test_ipv6_wants_a_file_by_hand() -> None:
    seen = at(WEB, "2001:db8:1:2::/64")

    assert "init writes no keepalived.conf" in refused(there=replace(THERE, seen=seen))


def test_the_command_for_the_other_server_is_the_same_when_the_file_is_there() -> None:
    wishes = replace(WISHES, router_id=7, priority=101)
    first = make_plan(wishes, BARE, THERE, None)
    here = with_conf(first.files[-1].after, config=parse(YAML, "test"))
    again = make_plan(WISHES, here, THERE, None)

    assert again.other_command == first.other_command
    assert not again.other_has_conf


# --- what is there -------------------------------------------------------------------------------


def test_a_keepalived_conf_gets_the_two_lines_alone() -> None:
    text = CONF.replace("    vrrp_notify_fifo /run/hakeeper/notify.fifo hakeeper hakeeper\n", "")
    plan = make_plan(WISHES, with_conf(text), THERE, None)
    changed = [line for line in plan.files[-1].diff()[2:] if line[0] in "+-"]

    assert names(plan) == ["hakeeper.yaml", "keepalived.conf"], "no drop-in for others' set-ups"
    assert changed == ["+    vrrp_notify_fifo /run/hakeeper/notify.fifo hakeeper hakeeper"]
    assert "--priority" not in plan.other_command
    assert plan.other_has_conf, "one of init's would not go with it"


@pytest.mark.parametrize(
    "yaml",
    [
        YAML,
        "instances: {VI_1: {floating_ips: [203.0.113.10]}}\n",
        "instances: {VI_1: {floating_ips: [mail, 4711]}, VI_2: {floating_ips: [x]}}\n",
        "instances: {VI_1: {floating_ips: [{label: role=web}]}}\n",
    ],
)
def test_a_hakeeper_yaml_that_means_the_same_stays(yaml: str) -> None:
    seen = replace(WEB, note=(("role", "web"),))
    there = replace(THERE, seen=seen, listed=listed((seen, OTHER)).reading)
    here = with_conf(CONF, config=parse(yaml, "test"))

    assert names(make_plan(WISHES, here, there, None)) == []


@pytest.mark.parametrize(
    ("yaml", "said"),
    [
        ("instances: {VI_2: {floating_ips: [web]}}\n", "VI_1 has no floating IP web there"),
        ("instances: {VI_1: {floating_ips: [mail]}}\n", "VI_1 has no floating IP web there"),
        ("instances: {VI_1: {floating_ips: [web], vrrp_address: 10.0.0.9}}\n",
         "its `vrrp_address` is not this server's address 10.0.0.2"),
    ],
)  # fmt: skip
def test_one_that_means_another_thing_is_refused_with_what_to_write(yaml: str, said: str) -> None:
    text = refused(here=replace(BARE, config=parse(yaml, "test")))

    assert said in text
    assert "\n  VI_1:\n    floating_ips: [web]\n    vrrp_address: 10.0.0.2" in text


def test_its_fifo_is_the_one_that_keepalived_gets() -> None:
    yaml = YAML + "keepalived: {fifo: /run/other/fifo}\n"
    here = with_conf(CONF.replace("/run/hakeeper/notify.fifo", "/run/other/fifo"),
                     config=parse(yaml, "test"))  # fmt: skip

    assert names(make_plan(WISHES, here, THERE, None)) == []


def test_another_source_and_another_peer_are_refused_with_their_places() -> None:
    source = with_conf(CONF.replace("unicast_src_ip 10.0.0.2", "unicast_src_ip 10.0.0.7"))
    peer = with_conf(CONF.replace("        10.0.0.3\n", "        10.0.0.4\n"))

    assert refused(here=source).startswith("/etc/keepalived/keepalived.conf:16: keepalived sends")
    assert "has another peer: 10.0.0.4" in refused(here=peer)


def test_priorities_of_a_file_that_is_there_stay_and_that_is_said() -> None:
    plan = make_plan(replace(WISHES, priority=7), with_conf(CONF), THERE, None)

    assert "its priorities" in plan.notes[0]


def test_the_instance_is_the_one_that_there_is() -> None:
    two = with_conf(CONF + CONF[CONF.index("vrrp_instance") :].replace("VI_1", "VI_2"))

    assert the_instance(BARE, None) == "VI_1"
    assert the_instance(BARE, "WEB") == "WEB"
    assert the_instance(with_conf(CONF), None) == "VI_1"
    assert the_instance(two, "VI_2") == "VI_2"
    for here, name in (
        (two, None),
        (with_conf(CONF), "VI_2"),
        (with_conf("global_defs {\n}\n"), None),
    ):
        with pytest.raises(SetupError, match="has these instances: "):
            the_instance(here, name)


# --- scripts that move the address ---------------------------------------------------------------

MOVING = CONF.replace("    version 3\n", "    version 3\n    notify_master /etc/f.sh\n")


def moving(*, hears: bool) -> Here:
    here = with_conf(MOVING, config=parse(YAML, "test"), hears_keepalived=hears)
    assert here.conf is not None
    scripts: tuple[NotifyScript, ...] = here.conf.notify_scripts
    return replace(here, movers=scripts)


def test_a_script_stays_and_is_told_of_until_its_removal_is_asked_for() -> None:
    plan = make_plan(WISHES, moving(hears=True), THERE, None)

    assert names(plan) == []
    assert "`notify_master` of VI_1 runs `/etc/f.sh`" in plan.notes[0]
    assert "first on the standby" in plan.notes[1]


def test_it_goes_when_hakeeper_hears_keepalived_and_not_before() -> None:
    wishes = replace(WISHES, is_removing_scripts=True)
    (file,) = make_plan(wishes, moving(hears=True), THERE, None).files

    assert file.after == CONF
    assert "without --remove-scripts first" in refused(wishes, moving(hears=False))


def test_the_script_of_another_instance_stays() -> None:
    """It moves an address that hakeeper is not told of."""
    here = moving(hears=True)
    movers = tuple(replace(one, owner="VI_2") for one in here.movers)
    wishes = replace(WISHES, is_removing_scripts=True)

    assert make_plan(wishes, replace(here, movers=movers), THERE, None).files == ()


def test_the_script_of_its_group_goes() -> None:
    group = (
        "vrrp_sync_group G {\n    group {\n        VI_1\n    }\n    notify_master /etc/f.sh\n}\n"
    )
    here = with_conf(CONF + group, config=parse(YAML, "test"), hears_keepalived=True)
    assert here.conf is not None
    here = replace(here, movers=here.conf.notify_scripts)
    (file,) = make_plan(replace(WISHES, is_removing_scripts=True), here, THERE, None).files

    assert file.after == CONF + group.replace("    notify_master /etc/f.sh\n", "")


# --- at Hetzner ----------------------------------------------------------------------------------

NETWORKS = (
    Part(key=1, name="internal", network=ip_network("10.0.0.0/24"),
         rows=(("101", "10.0.0.2"), ("102", "10.0.0.3"), ("", "10.0.0.9"))),
    Part(key=2, name="away", network=ip_network("10.1.0.0/24"), rows=(("103", "10.1.0.3"),)),
)  # fmt: skip


def test_the_peer_is_the_server_with_this_private_address() -> None:
    assert neighbours(IPv4Address("10.0.0.3"), SERVER, NETWORKS) == (102, IPv4Address("10.0.0.2"))


@pytest.mark.parametrize(
    ("peer", "said"),
    [
        ("10.0.0.2", "that is this server's own address"),
        ("10.0.0.9", "no server of this token's project has this private address"),
        ("10.0.0.8", "(its private networks: internal (id 1), 10.0.0.0/24, away (id 2), 10.1.0"),
        ("10.1.0.3", "web-a, is not in the peer's network away (id 2), 10.1.0.0/24"),
    ],
)
def test_a_peer_that_is_none_is_refused(peer: str, said: str) -> None:
    with pytest.raises(SetupError) as caught:
        neighbours(IPv4Address(peer), SERVER, NETWORKS)
    assert said in str(caught.value)


BEGIN = "enable keepalived, restart keepalived"

# --- the services --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("here", "is_active", "is_running", "expected"),
    [
        (BARE, False, False, f"daemon-reload, start hakeeper, {BEGIN}"),
        (BARE, True, False, f"daemon-reload, restart hakeeper, {BEGIN}"),
        (with_conf(CONF.replace("    enable_dbus\n", "")), False, True,
         "start hakeeper, reload keepalived"),
        (with_conf(CONF, config=parse(YAML, "test")), True, True, ""),
        (with_conf(CONF, config=parse(YAML, "test")), True, False, f"daemon-reload, {BEGIN}"),
        (with_conf(CONF, config=parse(YAML, "test")), False, True, "start hakeeper"),
    ],
)  # fmt: skip
def test_hakeeper_comes_first_and_a_keepalived_that_runs_is_never_restarted(
    here: Here, *, is_active: bool, is_running: bool, expected: str
) -> None:
    plan = make_plan(WISHES, here, THERE, None)
    todo = steps(plan, PLACES, is_hakeeper_active=is_active, is_keepalived_running=is_running)

    assert ", ".join(" ".join(step) for step in todo) == expected
