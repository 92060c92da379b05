"""`hakeeper simulate` with alias IPs and failover IPs, alone and beside floating IPs."""

from collections import Counter
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from hakeeper.kinds.apis import CLOUD, ROBOT
from hakeeper.simulate import simulation
from hakeeper.simulate.alias_cloud import AliasCloud
from hakeeper.simulate.budget import budget
from hakeeper.simulate.faults.kinds import Kind
from hakeeper.simulate.observer import ListChange, Observer
from hakeeper.simulate.options import OptionError
from hakeeper.simulate.picture import histogram
from hakeeper.simulate.simulation import FleetWorld, idle_per_hour, simulate
from tests.cli.simulated import PAIR, document, simulated, wanted

ALIAS = "instances: {VI_1: {alias_ips: [10.0.0.100]}}\n"
FAILOVER = "instances: {VI_1: {failover_ips: [203.0.113.7]}}\n"
MIXED = """\
instances:
  VI_1: {floating_ips: [web, {label: role=web}], alias_ips: [10.0.0.100]}
  VI_2: {alias_ips: [{ip: 10.0.0.101, network: internal}], failover_ips: [203.0.113.7]}
"""
BOTH_OF_CLOUD = "instances: {VI_1: {floating_ips: [web], alias_ips: [10.0.0.100]}}\n"


@pytest.fixture(autouse=True)
def _no_split_brain_beside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulation, "SPLITS", 0)


def document_of(capfd: pytest.CaptureFixture[str], path: Path, *words: str) -> dict[str, Any]:
    return document(capfd, "-c", str(path), *words)


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    path = tmp_path / "hakeeper.yaml"
    path.write_text(MIXED)
    return path


def test_each_resource_is_simulated_as_what_it_is() -> None:
    world = FleetWorld(wanted(MIXED, nodes=4), judged=True)
    kinds = ("floating_ip", "floating_ip", "alias_ip", "alias_ip", "failover_ip")
    assert kinds * 2 == tuple(world.layout.kind_of.values())
    assert [*kinds[:3]] == [
        ref.kind for ref in next(iter(world.nodes[2].settings.resources.values()))
    ]
    assert {"cloud": 3600, "robot": 100} == {
        name: project.nature.limit_per_hour for name, project in world.clouds.projects.items()
    }


def test_times_are_told_for_each_kind(capfd: pytest.CaptureFixture[str], mixed: Path) -> None:
    found = document_of(capfd, mixed, "--hours", "3", "--faults", "power-cut,other-actor")
    kinds = found["kinds"]
    assert {"floating_ip": 2, "alias_ip": 2, "failover_ip": 1} == {
        name: kind["addresses"] for name, kind in kinds.items()
    }
    medians_ms = {name: kind["failovers_ms"]["median"] for name, kind in kinds.items()}
    # One action of a second; two, with a read before each; a switch of 50 s.
    assert 1000 < medians_ms["floating_ip"] < 1200
    assert 2000 < medians_ms["alias_ip"] < 2600
    assert 50_000 < medians_ms["failover_ip"] < 51_000
    for times in ("failovers_ms", "repairs_ms", "away_ms"):
        assert found[times]["times"] == sum(kind[times]["times"] for kind in kinds.values())
        assert found[times]["worst"] == max(kind[times]["worst"] for kind in kinds.values())
    assert kinds["floating_ip"]["repairs_ms"]["worst"] < 15_000
    assert 50_000 < kinds["failover_ip"]["repairs_ms"]["median"]


def test_people_read_them_below_each_other(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, mixed: Path
) -> None:
    monkeypatch.setattr(simulation, "SPLITS", 1)
    monkeypatch.setattr(simulation, "SPLIT_HOURS", 0.3)
    monkeypatch.setenv("COLUMNS", "120")
    code, out, _ = simulated(capfd, "-c", str(mixed), "--hours", "1", "--faults", "power-cut")
    assert code == 0
    for line in (
        "2 floating IPs, 2 alias IPs, 1 failover IP; vrrp_address: 0 of 2",
        "reading        Hetzner Cloud: every 12 s on a master, 60 s on a standby; timeout 5 s",
        "               Robot: every 216 s on a master, 216 s on a standby; timeout 20 s",
        "assumed        an API call takes 0.1 s, an action 1 s more (Hetzner publishes neither)",
        "               a call to Robot takes 0.2 s, a switch 50 s (Hetzner says 40 to 60 s)",
        "               an alias IP takes two actions",
        "\nfloating IPs\nfailover: MASTER line to holder",
        "\nalias IPs\nfailover: MASTER line to holder",
        "\nfailover IPs\nfailover: MASTER line to holder",
        "permanent split brain, 2 floating IPs: at most",
        "permanent split brain, 2 alias IPs: at most",
        "permanent split brain, 1 failover IP: at most",
        "Hetzner Cloud: calls per hour of the project, of 3,600:",
        "Robot: reads per hour of the login, of 100:",
        "  idle              33  (1 x 3600/216 + 1 x 3600/216 = 33; measured 32; leaves 67)",
        "fit up to 6 nodes with one login",
        "Robot: switches per hour of the login, of 50:",
        "\n  <= 60 s █",
    ):
        assert line in out


@pytest.mark.parametrize(
    ("text", "nodes", "arithmetic"),
    [
        # A whole list of the network's servers, once in ten minutes, takes a call more.
        (ALIAS, 2, "1 x 3600/10 + 1 x 3600/60 + 3 x 3600/600 = 438"),
        (ALIAS, 6, "3 x 3600/10 + 3 x 3600/60 + 9 x 3600/600 = 1,314"),
        # Two lists: the master reads them once in 12 s, which is what the quota lets it.
        (BOTH_OF_CLOUD, 2, "2 x 3600/12 + 2 x 3600/60 + 3 x 3600/600 = 738"),
        (MIXED, 2, "3 x 3600/12 + 1 x 3600/60 + 4 x 3600/600 = 984"),
    ],
)
def test_an_idle_fleet_with_alias_ips_asks_what_the_arithmetic_says(
    text: str, nodes: int, arithmetic: str
) -> None:
    options = wanted(text, nodes=nodes)
    counted, measured = budget(options, CLOUD), idle_per_hour(options)["cloud"]
    assert arithmetic == counted.arithmetic
    # The list after a whole one comes later, since that has cost more; so it is a bit less.
    assert 0.98 * counted.per_hour <= measured <= counted.per_hour


@pytest.mark.parametrize(("text", "nodes"), [(FAILOVER, 2), (FAILOVER, 4), (MIXED, 2)])
def test_idle_nodes_read_robot_as_often_as_it_lets_them(text: str, nodes: int) -> None:
    options = wanted(text, nodes=nodes)
    counted, measured = budget(options, ROBOT), idle_per_hour(options)["robot"]
    assert (216.0, 216.0) == (counted.interval_s, counted.standby_interval_s)
    assert counted.per_hour == pytest.approx(nodes * 3600 / 216)
    assert abs(counted.per_hour - measured) < nodes
    assert (6, "") == (counted.fits_up_to_nodes, counted.advice)


def test_nodes_that_are_too_many_for_robot_are_told_which_interval_would_fit(
    capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "hakeeper.yaml"
    path.write_text(FAILOVER)
    code, out, _ = simulated(
        capfd, "-c", str(path), "--nodes", "8", "--hours", "2", "--faults", "none"
    )
    assert code == 0
    assert "THE QUOTA IS NOT ENOUGH: idle reading alone asks for 133 reads an hour, Robot" in out
    assert "grants 100;\n  `interval` and `standby_interval` of 288s would fit. As it is, " in out
    options = replace(wanted(FAILOVER, nodes=8), interval_s=288.0, standby_interval_s=288.0)
    assert budget(options, ROBOT).fits
    assert not budget(replace(options, interval_s=287.0, standby_interval_s=287.0), ROBOT).fits


def test_requests_are_counted_for_each_api(capfd: pytest.CaptureFixture[str], mixed: Path) -> None:
    found = document_of(capfd, mixed, "--hours", "2", "--faults", "failover")
    cloud, reads, switches = found["apis"]
    assert [("cloud", "calls", 3600), ("robot", "reads", 100), ("robot", "switches", 50)] == [
        (each["api"], each["requests"], each["quota_per_hour"]) for each in found["apis"]
    ]
    assert found["calls"] == {key: cloud[key] for key in cloud.keys() - {"api", "requests"}}
    assert 0 < sum(switches["per_minute"]) < sum(reads["per_minute"]) < sum(cloud["per_minute"])
    assert "idle_per_hour" not in switches
    assert {
        "cloud": {"latency_s": 0.1, "step_s": 1.0},
        "robot": {"latency_s": 0.2, "step_s": 50.0},
    } == (found["assumed"]["apis"])


def test_what_other_tools_read_does_not_hide_what_we_read_of_robot(
    capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "hakeeper.yaml"
    path.write_text(FAILOVER)
    found = document_of(capfd, path, "--hours", "2", "--faults", "spenders")
    assert found["faults"]["injected"]["A2-spenders"] > 3
    assert found["apis"][0]["busiest_hour"] <= 100


def test_a_configuration_without_the_cloud_has_no_calls_to_it(
    capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "hakeeper.yaml"
    path.write_text(FAILOVER)
    found = document_of(capfd, path, "--hours", "1", "--faults", "none")
    assert ["robot", "robot"] == [each["api"] for each in found["apis"]]
    assert (100, ["failover_ip"]) == (found["calls"]["quota_per_hour"], [*found["kinds"]])
    _, out, _ = simulated(capfd, "-c", str(path), "--hours", "1", "--faults", "none")
    assert "Cloud" not in out
    assert "floating IP" not in out
    assert "API call" not in out


def test_no_split_brain_moves_any_kind_more_often_than_is_promised(
    capfd: pytest.CaptureFixture[str], mixed: Path
) -> None:
    found = document_of(capfd, mixed, "--hours", "1", "--faults", "split")
    splits = {name: kind["split_brain"] for name, kind in found["kinds"].items()}
    assert {"floating_ip": 8, "alias_ip": 12, "failover_ip": 8} == {
        name: split["promised_at_first"] for name, split in splits.items()
    }
    assert {"floating_ip": 2, "alias_ip": 2, "failover_ip": 1} == {
        name: split["addresses"] for name, split in splits.items()
    }
    assert all(2 <= split["first_worst"] <= split["promised_at_first"] for split in splits.values())
    assert found["end_checked"]
    assert (5, 12) == (
        found["split_brain"]["addresses"],
        found["split_brain"]["promised_at_first"],
    )


def test_a_split_that_uses_up_what_robot_grants_is_not_judged() -> None:
    """Two nodes are promised something; a dozen with one login meet a Robot that refuses all."""
    options = wanted(FAILOVER, nodes=12, faults="split", hours=1.0)
    world = FleetWorld(options, judged=True)
    assert [] == world.run()
    assert world.clouds.projects["robot"].refused > 0
    assert not world.judged


def test_floating_ips_alone_are_reported_without_headings(
    capfd: pytest.CaptureFixture[str],
) -> None:
    _, out, _ = simulated(capfd, "--hours", "0.1", "--faults", "none")
    for word in ("floating IPs\n", "alias", "Robot", "Hetzner Cloud:", "simulated as"):
        assert word not in out
    found = document(capfd, "--hours", "0.1", "--faults", "none")
    assert {} == found["fleet"]["simulated_as_floating_ips"]
    times = ("failovers_ms", "repairs_ms", "contested_s", "away_ms")
    assert {key: found["kinds"]["floating_ip"][key] for key in times} == {
        key: found[key] for key in times
    }


@pytest.mark.parametrize(
    ("text", "word", "expected"),
    [
        (PAIR, "no-room", "'no-room' strikes no floating IP, and this configuration has nothing"),
        (PAIR, "R1-no-main-ip", "'R1-no-main-ip' strikes no floating IP, and this"),
        (BOTH_OF_CLOUD, "no-main-ip", "strikes no floating IP and no alias IP, and"),
        (ALIAS, "some-locked", "'some-locked' strikes no alias IP, and"),
        (FAILOVER, "read-only", "'read-only' strikes no failover IP, and"),
        (FAILOVER, "storm", "'storm' is no kind of fault; expected none, few, many"),
    ],
)
def test_faults_that_nothing_here_can_meet_are_refused(text: str, word: str, expected: str) -> None:
    with pytest.raises(OptionError) as refused:
        wanted(text, faults=f"failover,{word}")
    assert expected in str(refused.value)
    known = str(refused.value).partition("between: ")[2].split(", ")
    assert "failover" in known
    assert word not in known


@pytest.mark.parametrize(
    ("text", "word", "kind"),
    [
        (ALIAS, "foreign-alias", Kind.FOREIGN_ALIAS),
        (MIXED, "not-attached", Kind.NOT_ATTACHED),
        (MIXED, "some-locked", Kind.SOME_LOCKED),
        (FAILOVER, "no-main-ip", Kind.NO_MAIN_IP),
    ],
)
def test_faults_of_one_kind_come_where_it_is(text: str, word: str, kind: Kind) -> None:
    assert (kind,) == wanted(text, faults=word).faults.kinds
    assert kind in wanted(text, faults="few").faults.kinds
    world = FleetWorld(wanted(text, faults=word, hours=2.0), judged=True)
    assert [] == world.run()
    assert world.measured.injected[kind.value] > 3


def test_a_fault_of_an_api_strikes_that_api_alone() -> None:
    plan = wanted(MIXED, faults="outage,failover", hours=24.0).plan()
    struck = Counter(fault.api for fault in plan.faults if fault.kind is Kind.OUTAGE)
    assert {"cloud", "robot"} == struck.keys()
    assert {""} == {fault.api for fault in plan.faults if fault.kind is Kind.FAILOVER}
    alone = wanted(FAILOVER, faults="outage,no-main-ip", hours=2.0).plan()
    assert {"robot"} == {fault.api for fault in alone.faults}


class Listed(Observer):
    """The alias IPs that servers had after any change."""

    def __init__(self) -> None:
        self.aliases: set[str] = set()

    def list_changed(self, change: ListChange) -> None:
        self.aliases.update(change.after)


def test_five_alias_ips_leave_no_room_for_others_and_six_are_refused() -> None:
    five = ", ".join(f"10.0.0.{n}" for n in range(1, 6))
    text = f"instances: {{VI_1: {{alias_ips: [{five}]}}}}\n"
    world = FleetWorld(wanted(text, faults="foreign-alias,power-cut", hours=2.0), judged=True)
    listed = Listed()
    world.observers.add(listed)
    assert [] == world.run()
    assert world.measured.injected[Kind.FOREIGN_ALIAS.value] > 3
    assert 5 == len(listed.aliases)
    with pytest.raises(OptionError, match="`alias_ips`: 6 of them, but Hetzner allows a server 5"):
        wanted(text.replace(five, f"{five}, 10.0.0.6"))


def test_there_is_nothing_of_others_unless_a_fault_brings_it() -> None:
    world = FleetWorld(wanted(ALIAS, nodes=4), judged=True)
    clouds = [cloud for cloud in world.clouds.twins.values() if isinstance(cloud, AliasCloud)]
    for cloud in clouds:
        assert (1, True) == (len(cloud.networks), cloud.lists_members)
        others = (cloud.foreigners(cloud.networks[0], server) for server in cloud.servers)
        assert [] == [*chain.from_iterable(others)]
    assert len(clouds) == 1


@pytest.mark.parametrize("text", [ALIAS, FAILOVER, MIXED])
def test_no_rule_is_broken_and_the_same_seed_tells_the_same(text: str) -> None:
    options = wanted(text, faults="many", hours=0.3)
    answers = [simulate(options, print) for _ in range(2)]
    assert [(), ()] == [answer.violations for answer in answers]
    assert answers[0].whole == answers[1].whole
    assert answers[0].spending == answers[1].spending


def test_minutes_have_a_histogram_of_their_own() -> None:
    drawn = histogram(Counter({50_101: 3}), Counter({90_000: 1}), 60, slow=True)
    assert any(line.strip().startswith("<= 60 s █") for line in drawn)
    assert any(line.strip().startswith("<= 120 s ▒") for line in drawn)
    assert histogram(Counter({50_101: 3}), Counter(), 60)[-1].strip().startswith("> 15 s █")
