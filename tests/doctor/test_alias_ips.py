"""`check --online` with alias IPs: what it asks the simulated cloud, and what it says of them."""

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from ipaddress import IPv4Interface
from pathlib import Path

import pytest

from hakeeper.adapters.identity import LocalIdentity
from hakeeper.adapters.token import Redactor
from hakeeper.cli.check import inspect, summary
from hakeeper.cli.check_online import as_json, as_text
from hakeeper.config import HetznerConfig, parse
from hakeeper.core.model import Role, VrrpId, VrrpKind
from hakeeper.demo.cloud import Fault, SimCloud
from hakeeper.doctor.api_facts import ApiFacts
from hakeeper.doctor.examination import judge
from hakeeper.doctor.facts import DaemonFacts, DaemonProblem
from hakeeper.doctor.finding import Passed
from hakeeper.doctor.gather.api import ApiAccess, api_facts
from tests.doctor.alias_rows import ALIAS_VIP, US, alias_case, both_case, holder
from tests.support.server_facts import YAML_PATH, Case

ALIAS = "10.0.0.100"
PROBE = "/v1/floating_ips/0/actions/assign"
NOWHERE = LocalIdentity(dmi_dir=Path("/nonexistent"), metadata_url="http://127.0.0.1:9")


@dataclass
class Scene:
    """A private network with two servers, of which the other one has the alias IP."""

    cloud: SimCloud
    network: int
    me: int
    other: int
    token: str
    case: Case

    def ask(self) -> ApiFacts:
        config = parse(self.case.yaml, YAML_PATH)
        return api_facts(
            ApiAccess(
                config=replace(
                    config, hetzner=HetznerConfig(endpoint=self.cloud.url), server="web-a"
                ),
                read_token=lambda: self.token,
                redact=str,
                identity=NOWHERE.candidates,
            )
        )

    def findings(self) -> list[tuple[str, str, str, str]]:
        """Judge what is found out, beside everything else being well."""
        found = replace(self.case, api=self.ask()).findings()
        return [(name, one.severity.value, one.what, one.cure) for name, one in found]

    def passed(self, check: str = "alias IP") -> list[str]:
        results = judge(replace(self.case, api=self.ask()).facts()).results
        return [one.text for name, one in results if name == check and isinstance(one, Passed)]

    def asked(self) -> list[str]:
        """The paths of what was asked with the token, the probe last."""
        return [each.path.partition("?")[0] for each in self.cloud.requests(client="web-a")]


@pytest.fixture
def scene() -> Iterator[Scene]:
    with SimCloud() as cloud:
        network = cloud.add_network("internal", "10.0.0.0/16")
        me, other = cloud.add_server("web-a"), cloud.add_server("web-b")
        cloud.attach(me, network, "10.0.0.2")
        cloud.attach(other, network, "10.0.0.3", alias_ips=[ALIAS, "10.0.0.50"])
        yield Scene(cloud, network, me, other, cloud.add_client("web-a"), alias_case())


@contextlib.contextmanager
def unchanged(cloud: SimCloud, network: int) -> Iterator[None]:
    """See that what is asked in between moves nothing and starts nothing."""
    before = (cloud.aliases(network), cloud.alias_changes(), cloud.moves(), cloud.actions())
    yield
    assert before == (cloud.aliases(network), cloud.alias_changes(), cloud.moves(), cloud.actions())
    assert [] == cloud.alias_writes()
    writes = [each for each in cloud.requests() if each.is_write]
    assert {PROBE} >= {each.path for each in writes}
    assert all((each.status or 0) >= 400 for each in writes)


# --- what is asked ------------------------------------------------------------------------------


def test_only_the_kinds_of_the_configuration_are_listed(scene: Scene) -> None:
    def said(case: Case) -> list[str]:
        before = len(scene.asked())
        scene.case = case
        scene.ask()
        return sorted(path.rpartition("/v1")[2] for path in scene.asked()[before:])

    scene.cloud.add_floating_ip("web", "203.0.113.10", server=scene.other)
    with unchanged(scene.cloud, scene.network):
        alone, both, floating = said(alias_case()), said(both_case()), said(Case())
    scene.cloud.set_alias_ips(scene.other, scene.network, [])
    scene.cloud.set_alias_ips(scene.me, scene.network, [ALIAS])
    ours = said(alias_case())
    probe = PROBE.removeprefix("/v1")
    mine = ["/networks", "/servers", "/servers", f"/servers/{scene.other}"]

    assert sorted([*mine, probe]) == alone  # the first `/servers` is to find our own
    assert sorted([*mine[:-1], probe]) == ours  # nobody has to give it up
    assert sorted([*mine, probe, "/floating_ips"]) == both
    assert sorted(["/servers", "/floating_ips", probe]) == floating


def test_without_all_lists_no_write_is_tried(scene: Scene) -> None:
    scene.case = both_case()
    with scene.cloud.faulty(Fault(path=r".*/networks", status=503, code="unavailable")):
        facts = scene.ask()

    assert facts.may_write is None
    assert facts.reading("floating_ip") is not None
    assert facts.reading("alias_ip") is None
    assert PROBE not in scene.asked()


def test_a_token_that_may_only_read_is_told_from_another(scene: Scene) -> None:
    scene.token = scene.cloud.add_client("reader", read_only=True)
    with unchanged(scene.cloud, scene.network):
        [(check, severity, what, _)] = scene.findings()

    assert ("token", "error") == (check, severity)
    assert "(token_readonly)" in what


# --- what is said -------------------------------------------------------------------------------


def test_all_is_well_and_it_is_said_who_has_it(scene: Scene) -> None:
    for has, text in ((scene.other, f"web-b (id {scene.other})"), (scene.me, "this server")):
        scene.cloud.set_alias_ips(scene.other, scene.network, [])
        scene.cloud.set_alias_ips(has, scene.network, [ALIAS])
        with unchanged(scene.cloud, scene.network):
            assert [] == scene.findings()
            assert [f"{ALIAS} of network internal (id {scene.network}), now on {text}"] == (
                scene.passed()
            )
    scene.cloud.set_alias_ips(scene.me, scene.network, [])

    assert [f"{ALIAS} of network internal (id {scene.network}), now on no server"] == scene.passed()


def test_both_kinds_have_their_own_lines(scene: Scene) -> None:
    scene.case = both_case()
    web = scene.cloud.add_floating_ip("web", "203.0.113.10", server=scene.other)
    with unchanged(scene.cloud, scene.network):
        assert [] == scene.findings()
        assert [f"web = 203.0.113.10 (id {web}), now on web-b (id {scene.other})"] == (
            scene.passed("floating IP")
        )
        assert 1 == len(scene.passed())


@pytest.mark.parametrize("named", [False, True])
def test_a_second_network_with_the_address(scene: Scene, *, named: bool) -> None:
    second = scene.cloud.add_network("second", "10.0.0.0/8")
    if named:
        scene.case = alias_case(items=f"{{ip: {ALIAS}, network: internal}}")
        assert [] == scene.findings()
        return
    with unchanged(scene.cloud, scene.network):
        [(check, severity, what, cure)] = scene.findings()

    assert ("alias IP", "error") == (check, severity)
    assert f"internal (id {scene.network}), 10.0.0.0/16 and second (id {second})" in what
    assert cure == f"alias_ips: [{{ip: {ALIAS}, network: internal}}]    # or second"


def test_no_network_has_it(scene: Scene) -> None:
    scene.case = alias_case(items="172.16.0.1").with_conf(ALIAS, "172.16.0.1")
    [(check, severity, what, cure)] = scene.findings()

    assert ("alias IP", "error") == (check, severity)
    assert "no private network of this token's project has the address in its range" in what
    assert cure.startswith("alias_ips: [ADDRESS]    # a free one of 10.0.0.0/16")


@pytest.mark.parametrize("owner", ["this server", "another one"])
def test_the_address_of_a_server_itself(scene: Scene, owner: str) -> None:
    third = scene.cloud.add_server("third")
    scene.cloud.set_alias_ips(scene.other, scene.network, [])
    who = scene.me if owner == "this server" else third
    if who == scene.me:
        scene.cloud.detach(scene.me, scene.network)
    scene.cloud.attach(who, scene.network, ALIAS)
    found = [each for each in scene.findings() if each[0] == "alias IP"]

    assert [f"the address is that of server {who} itself"] == [
        what.partition(": ")[2].partition(": ")[2].partition(" in network")[0]
        for _, _, what, _ in found
    ]


def test_this_server_is_not_attached(scene: Scene) -> None:
    scene.cloud.detach(scene.me, scene.network)
    apart = scene.cloud.add_network("apart", "192.168.0.0/24")
    scene.cloud.attach(scene.me, apart, "192.168.0.2")
    scene.case = scene.case.with_yaml("10.0.0.2", "192.168.0.2").with_conf(
        "10.0.0.2", "192.168.0.2"
    )
    scene.case = scene.case.here("192.168.0.2")
    with unchanged(scene.cloud, scene.network):
        [(check, severity, what, cure)] = scene.findings()

    assert ("alias IP", "error") == (check, severity)
    assert f"this server is not attached to network {scene.network}" in what
    assert cure.startswith(f"hcloud server attach-to-network --network {scene.network} web-a ")


@pytest.mark.parametrize(("count", "ok"), [(4, True), (5, False)])
def test_this_server_has_no_room(scene: Scene, count: int, *, ok: bool) -> None:
    theirs = [f"10.0.1.{n}" for n in range(count)]
    scene.cloud.set_alias_ips(scene.me, scene.network, theirs)
    with unchanged(scene.cloud, scene.network):
        found = scene.findings()

    assert ok is (not found)
    if not ok:
        [(check, severity, what, cure)] = found
        assert ("alias IP", "error") == (check, severity)
        assert f"this server has 5 alias IPs in network {scene.network} already" in what
        assert "change-alias-ips" in cure


@pytest.mark.parametrize(("count", "ok"), [(3, True), (4, False)])
def test_there_is_no_room_for_all_that_would_come(scene: Scene, count: int, *, ok: bool) -> None:
    """Each of them could come, and would find room."""
    scene.case = alias_case(items=f"{ALIAS}, 10.0.0.50").with_conf(
        ALIAS_VIP, ALIAS_VIP + "        10.0.0.50/32 dev enp7s0\n"
    )
    scene.cloud.set_alias_ips(scene.me, scene.network, [f"10.0.1.{n}" for n in range(count)])
    with unchanged(scene.cloud, scene.network):
        found = scene.findings()

    assert ok is (not found)
    if not ok:
        [(check, severity, what, _)] = found
        assert ("alias IP", "error") == (check, severity)
        assert what.endswith(f"and is to get 2: {ALIAS}, 10.0.0.50")


def test_those_that_are_here_need_no_more_room(scene: Scene) -> None:
    scene.cloud.set_alias_ips(scene.other, scene.network, [])
    full = [ALIAS, *(f"10.0.1.{n}" for n in range(4))]
    scene.cloud.set_alias_ips(scene.me, scene.network, full)

    assert [] == scene.findings()

    scene.cloud.set_alias_ips(scene.me, scene.network, full[:4])
    scene.cloud.set_alias_ips(scene.other, scene.network, ["10.0.0.50"])
    scene.case = alias_case(items=f"{ALIAS}, 10.0.0.50").with_conf(
        ALIAS_VIP, ALIAS_VIP + "        10.0.0.50/32 dev enp7s0\n"
    )
    assert [] == scene.findings()


@pytest.mark.parametrize("status", ["off", "running", "migrating"])
def test_the_holder_does_not_run(scene: Scene, status: str) -> None:
    scene.cloud.set_server_status(scene.other, status)
    with unchanged(scene.cloud, scene.network):
        found = [(name, severity, what) for name, severity, what, _ in scene.findings()]
    what = f"VI_1: {ALIAS} is on web-b (id {scene.other}), which is off"

    assert ([("alias IP", "warning", what)] if status == "off" else []) == found


def test_what_could_move_to_another_machine_is_not_judged(scene: Scene) -> None:
    """The configuration names a server that is not this one."""
    scene.cloud.set_alias_ips(scene.me, scene.network, [f"10.0.1.{n}" for n in range(5)])
    scene.case = scene.case.here("10.0.0.7").with_machine(primaries={})

    assert "alias IP" not in [name for name, *_ in scene.findings()]
    assert "server" in [name for name, *_ in scene.findings()]


# --- the whole report ---------------------------------------------------------------------------


GOOD = """\
ok       API: https://api.hetzner.cloud/v1 answers
ok       clock: within 1 s of the API's
ok       token: may read and write (file /etc/token)
ok       quota: 3500 of 3600 calls left
ok       server: web-a (id 101), from: DMI serial number
ok       alias IP: 10.0.0.100 of network internal (id 1), now on web-b (id 102)
ok       keepalived.conf: /etc/keepalived/keepalived.conf is accepted by
         keepalived
ok       instance: VI_1 (/etc/keepalived/keepalived.conf:12)
ok       virtual IP: 10.0.0.100 is added by keepalived
         (/etc/keepalived/keepalived.conf:24)
"""
BAD = """\
ERROR    alias IP: /etc/hakeeper/hakeeper.yaml:3: VI_1: 10.0.0.100: this server
         is not attached to network 1; attach it there
    why: Hetzner would refuse to give it to this server
    do:  hcloud server attach-to-network --network 1 web-a
         # then see that its private interface is up: ip -br address

A failover to this server would NOT work (1 error, 0 warnings).
"""


def test_the_report_of_a_good_server_does_not_speak_of_floating_ips() -> None:
    text = as_text(judge(alias_case().facts()))

    assert text.startswith(GOOD)
    assert text.endswith("A failover to this server would work (0 errors, 0 warnings).\n")
    assert "loating" not in text
    assert "Primary IP" not in text


def test_the_report_of_a_server_that_is_not_attached() -> None:
    text = as_text(judge(alias_case(("102", "10.0.0.3", ALIAS)).facts()))

    assert text.endswith("\n\n" + BAD)


def test_the_report_of_both_adds_lines_to_that_of_floating_ips() -> None:
    # The server of an alias IP is looked at, and its name is said wherever it is meant.
    alone = as_text(judge(Case().facts()))
    floating = alone.replace("now on server 102", "now on web-b (id 102)").splitlines()
    both = as_text(judge(both_case().facts())).splitlines()

    assert [line for line in both if line not in floating] == [
        "ok       alias IP: 10.0.0.100 of network internal (id 1), now on web-b (id 102)",
        "ok       virtual IP: 10.0.0.100 is added by keepalived",
        "         (/etc/keepalived/keepalived.conf:25)",
    ]
    assert [line for line in floating if line not in both] == []


def test_the_json_has_the_same_shape() -> None:
    found = json.loads(json.dumps(as_json(judge(alias_case(US, holders={}).facts()))))
    empty = json.loads(json.dumps(as_json(judge(Case().facts()))))
    bad = as_json(judge(alias_case(("102", "10.0.0.3", ALIAS)).facts()))

    assert empty.keys() == found.keys()
    assert {
        "check": "alias IP",
        "text": f"{ALIAS} of network internal (id 1), now on no server",
    } in found["passed"]
    assert isinstance(bad["findings"], list)
    [finding] = bad["findings"]
    assert ("alias IP", YAML_PATH, 3) == (finding["check"], finding["file"], finding["line"])


def test_no_primary_ip_is_needed_for_an_alias_ip() -> None:
    assert [] == alias_case().with_server(without=(4, 6)).findings()
    [(check, finding)] = both_case().with_server(without=(4,)).findings()

    assert "Primary IP" == check
    assert finding.what.endswith("has no Primary IPv4, which 203.0.113.10 needs")


def test_the_place_of_an_item_that_is_a_mapping() -> None:
    case = alias_case(items=f"{ALIAS}").with_yaml(
        f"alias_ips: [{ALIAS}]", f"alias_ips:\n      - ip: {ALIAS}\n        network: nowhere"
    )
    [(_, finding)] = case.findings()

    assert f"{YAML_PATH}:4" == str(finding.place)


# --- keepalived.conf and this machine -----------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "device"),
    [
        ({}, "enp7s0"),
        ({"interface enp7s0": "interface eth0"}, "enp7s0"),
        ({"10.0.0.2/32": ""}, "DEV"),
    ],
)
def test_the_line_to_write_names_the_private_interface(
    changes: dict[str, str], device: str
) -> None:
    case = alias_case().with_conf(ALIAS, "10.0.0.99")
    for old, new in changes.items():
        case = case.with_conf(old, new) if new else case.with_machine(primaries={})
    [cure] = [each.cure for _, each in case.findings() if "is on no interface" in each.what]

    assert f"{ALIAS}/32 dev {device} }}" in cure


@pytest.mark.parametrize(
    ("is_listed", "device"),
    [(True, "ens10"), (False, "enp7s0")],
)
def test_of_two_private_interfaces_that_of_the_network_is_named(
    device: str, *, is_listed: bool
) -> None:
    """Without a list of networks it is a guess: the one over which keepalived speaks."""
    private = {"aaa0": "172.16.0.9/32", "ens10": "10.0.0.2/32", "enp7s0": "192.168.0.2/32"}
    case = (
        alias_case()
        .with_conf(ALIAS, "10.0.0.99")
        .with_machine(
            interfaces=frozenset(private),
            primaries={name: IPv4Interface(each) for name, each in private.items()},
        )
    )
    if not is_listed:
        case = case.with_api(listed={})
    [cure] = [each.cure for _, each in case.findings() if "is on no interface" in each.what]

    assert f"{ALIAS}/32 dev {device} }}" in cure


def test_an_alias_ip_is_no_vrrp_address() -> None:
    """Not even while this server is MASTER and has it."""
    case = alias_case().with_conf("unicast_src_ip 10.0.0.2", f"unicast_src_ip {ALIAS}")
    case = case.here("10.0.0.2", ALIAS)

    assert ["unicast_src_ip 10.0.0.2"] == [each.cure for _, each in case.findings()]


@pytest.mark.parametrize(
    ("items", "names"),
    [
        ("10.9.0.1", ["alias IP"]),  # the line to write would be wrong, too
        ("10.0.0.3", ["alias IP"]),
        ("{ip: 10.0.0.101, network: x}", ["alias IP", "virtual IP"]),
        ("10.0.0.101", ["virtual IP"]),
    ],
)
def test_an_address_that_has_to_be_replaced_is_not_looked_for(items: str, names: list[str]) -> None:
    assert names == [name for name, _ in alias_case(items=items).findings()]


def test_it_may_be_on_this_machine_for_good() -> None:
    case = alias_case().with_conf(ALIAS, "10.0.0.99").here("10.0.0.2", ALIAS)

    assert [] == case.findings()


def test_a_master_without_it_is_an_error_and_with_it_none() -> None:
    master = alias_case().with_keepalived(roles={"VI_1": Role.MASTER})

    assert ["error"] == [each.severity.value for _, each in master.findings()]
    assert [] == master.here("10.0.0.2", ALIAS).findings()


def test_the_daemon_s_word_of_a_holder_that_is_off_is_not_repeated() -> None:
    problem = DaemonProblem(is_broken=False, text="it is nowhere", code="address.nowhere")
    daemon = DaemonFacts(
        is_running=True,
        problems=(problem,),
        follows={VrrpId(VrrpKind.INSTANCE, "VI_1"): (ALIAS,)},
    )
    case = replace(alias_case(holders={102: holder("off")}), daemon=daemon)

    assert ["alias IP"] == [name for name, _ in case.findings()]
    assert ["hakeeper"] == [name for name, _ in replace(case, api=alias_case().api).findings()]


# --- without --online ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lists", "row"),
    [
        ("floating_ips: [web, db]", "web, db"),
        (
            f"alias_ips: [{ALIAS}, {{ip: 10.0.0.7, network: in}}]",
            f"alias IP {ALIAS}, 10.0.0.7 in in",
        ),
        (f"alias_ips: [{ALIAS}]\n    floating_ips: [web]", f"web; alias IP {ALIAS}"),
    ],
)
def test_the_plain_check_shows_what_is_what(tmp_path: Path, lists: str, row: str) -> None:
    path = tmp_path / "hakeeper.yaml"
    path.write_text(f"instances:\n  VI_1:\n    {lists}\n")
    verdict = inspect(path, {"HCLOUD_TOKEN": "x" * 64}, Redactor(), tmp_path / "none")
    assert verdict.config is not None

    line = summary(verdict, verdict.config).splitlines()[1]
    assert row == line.split(None, 1)[1]


def test_the_lists_say_nothing_of_each_other() -> None:
    """If only one of them could be read, that one is judged."""
    api = both_case().api
    assert api is not None
    only_floating = replace(api, listed={"floating_ip": api.listed["floating_ip"]})
    case = replace(both_case(), api=only_floating)

    assert [] == case.findings()  # why the other could not be is another check's matter
    names = [name for name, one in judge(case.facts()).results if isinstance(one, Passed)]
    assert "alias IP" not in names
    assert "floating IP" in names
