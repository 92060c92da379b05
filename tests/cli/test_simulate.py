"""`hakeeper simulate` as an operator runs it, on small fleets."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from hakeeper.cli import simulate as command
from hakeeper.core.model import VrrpId, VrrpKind
from hakeeper.kinds.apis import CLOUD
from hakeeper.simulate import simulation
from hakeeper.simulate.budget import budget
from hakeeper.simulate.faults.kinds import Kind
from hakeeper.simulate.options import OptionError
from hakeeper.simulate.picture import calls_over_time, histogram
from hakeeper.simulate.simulation import FleetWorld, idle_per_hour, simulate
from tests.cli.simulated import OWN, PAIR, document, simulated, wanted
from tests.world.bugs import BUGS


@pytest.fixture(autouse=True)
def _no_configuration_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(command, "DEFAULT_CONFIG", tmp_path / "none.yaml")


def test_the_same_seed_tells_the_same_and_another_one_something_else(
    capfd: pytest.CaptureFixture[str],
) -> None:
    words = ("--hours", "1", "--faults", "many", "--json", "--seed")
    code, out, _ = simulated(capfd, *words, "3")  # a busy machine is told how far it is
    assert (code, out) == simulated(capfd, *words, "3")[:2]
    assert (code, out) != simulated(capfd, *words, "4")[:2]


@pytest.mark.parametrize(
    ("text", "nodes", "clusters", "expected"),
    [
        # Beside the readings, each node looks at each other holder six times an hour.
        (PAIR, 2, 1, 360 + 60 + 6),
        (PAIR, 16, 8, 8 * (360 + 60 + 6)),
        (PAIR, 9, 3, 3 * (360 + 2 * (60 + 6))),
        (PAIR, 1, 1, 360),
        (OWN, 2, 1, 2 * (120 + 6)),
        (OWN, 6, 2, 2 * (2 * (120 + 6) + 12 + 2 * 6)),
        (PAIR.replace("web", ", ".join(f"ip{n}" for n in range(60))), 2, 1, 2 * (300 + 60) + 6),
    ],
)
def test_an_idle_fleet_asks_exactly_what_the_arithmetic_says(
    text: str, nodes: int, clusters: int, expected: int
) -> None:
    options = wanted(text, nodes=nodes, clusters=clusters)
    counted = budget(options, CLOUD)
    assert ({"cloud": expected}, float(expected)) == (idle_per_hour(options), counted.per_hour)


def test_a_split_brain_moves_an_address_no_more_often_than_promised(
    capfd: pytest.CaptureFixture[str],
) -> None:
    beside = document(capfd, "--hours", "0.1", "--faults", "none")["split_brain"]
    whole = document(capfd, "--hours", "2", "--faults", "split", "--nodes", "6")["split_brain"]
    assert (5, 3) == (beside["addresses"], whole["addresses"])
    for found in (beside, whole):
        assert 2 <= found["first_worst"] <= found["promised_at_first"] == 8
        assert 0.0 < found["per_hour_mean"] <= found["per_hour_worst"] <= 6.0


def test_a_split_cuts_every_node_from_its_neighbours() -> None:
    world = FleetWorld(wanted(nodes=6, clusters=2, faults="split", hours=0.5), judged=True)
    assert [] == world.run()
    assert {(a, b) for a in range(6) for b in range(6) if a // 3 == b // 3 and a != b} == {
        *world.links.cuts
    }
    assert min(map(len, world.split.at_s.values())) > 1


def test_a_bug_in_hakeeper_is_exit_code_1_and_named(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(simulation, "SPLITS", 1)
    bug = next(bug for bug in BUGS if bug.name == "never_contested")
    with bug.planted():
        code, out, _ = simulated(capfd, "--hours", "0.1", "--faults", "none")
    assert code == 1
    assert "BROKEN RULES: " in out
    assert "split_bounded after " in out


def test_the_operators_own_configuration_is_what_every_node_has(
    capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(OWN)
    found = document(capfd, "-c", str(path), "--nodes", "4", "--hours", "0.1")
    assert found["config"] == str(path)
    assert found["fleet"] == {
        "nodes": 4,
        "clusters": 2,
        "names": [
            {"addresses": 2, "kinds": {"floating_ip": 2}, "group": False, "guarded": True},
            {"addresses": 1, "kinds": {"floating_ip": 1}, "group": True, "guarded": False},
        ],
        "addresses": 6,
        "simulated_as_floating_ips": {},
        "interval_s": 30.0,
        "standby_interval_s": 300.0,
        "timeout_s": 8.0,
        "timeouts_s": {"cloud": 8.0},
        "dbus": False,
    }
    settings = FleetWorld(wanted(OWN, nodes=4), judged=True).nodes[3].settings
    own = {VrrpId(VrrpKind.INSTANCE, "VI_3"): 2, VrrpId(VrrpKind.GROUP, "VI_4"): 1}
    assert own == {name: len(refs) for name, refs in settings.resources.items()}
    assert [VrrpId(VrrpKind.INSTANCE, "VI_3")] == list(settings.vrrp_addresses)
    assert (30.0, 300.0) == (settings.interval_s, settings.standby_interval_s)
    assert (8.0, False) == (settings.apis["cloud"].call_timeout_s, settings.can_query)


def test_without_a_configuration_the_example_is_used_and_said_to_be(
    capfd: pytest.CaptureFixture[str],
) -> None:
    code, out, err = simulated(capfd, "--hours", "1")
    assert (0, "") == (code, err)
    assert "configuration  an example" in out
    for word in ("failover: MASTER line to holder", "split brain", "no rule was broken", "quota ─"):
        assert word in out


@pytest.mark.parametrize("nodes", [18, 40, 60, 100, 300])
def test_what_is_advised_fits_and_a_second_less_does_not(nodes: int) -> None:
    options = wanted(nodes=nodes)
    counted = budget(options, CLOUD)
    assert not counted.fits
    assert counted.fits_up_to_nodes == 16
    seconds = re.search(r"(\d+)s", counted.advice)
    assert seconds is not None
    advised_s = float(seconds[1])

    def fits(interval_s: float) -> bool:
        standby_s = options.standby_interval_s if "reconcile" in counted.advice else interval_s
        changed = replace(options, interval_s=interval_s, standby_interval_s=standby_s)
        return budget(changed, CLOUD).fits

    assert fits(advised_s)
    assert not fits(advised_s - 1.0)


def test_a_thousand_nodes_cannot_share_a_project_with_any_interval() -> None:
    counted = budget(wanted(nodes=1000), CLOUD)
    assert (
        603_000.0,
        "10 pages x (500 x 3600/60 + 500 x 3600/60) + 500 x 3600/600 = 603,000",
    ) == (counted.per_hour, counted.arithmetic)
    assert "no interval fits; share it out over several projects of up to 16 nodes" == (
        counted.advice
    )


def test_a_fleet_that_does_not_fit_is_reported(capfd: pytest.CaptureFixture[str]) -> None:
    code, out, _ = simulated(capfd, "--nodes", "18", "--hours", "0.1", "--faults", "none")
    assert code == 0
    assert max(map(len, out.splitlines())) < 80, "a terminal of 80 columns breaks no line"
    assert "THE QUOTA IS NOT ENOUGH: idle reading alone asks for 3,834 calls an hour" in out
    assert "9 x 3600/10 + 9 x 3600/60 + 9 x 3600/600 = 3,834" in out
    assert "`reconcile.interval: 11s` would fit" in out
    assert "fit up to 16 nodes" in out


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--nodes", "0"), "--nodes 0: expected 1 to 1000"),
        (("--nodes", "1001"), "--nodes 1001: expected 1 to 1000"),
        (("--nodes", "11"), "--nodes 11: they do not make pairs; give --clusters as well"),
        (("--nodes", "7", "--clusters", "2"), "7 nodes cannot be shared out evenly"),
        (("--nodes", "30", "--clusters", "3"), "that is 10 nodes in each; expected at most 9"),
        (("--clusters", "0"), "--clusters 0: expected at least 1"),
        (("--hours", "0"), "--hours 0: expected more than 0"),
        (("--hours", "nan"), "--hours nan: expected more than 0"),
        (("--faults", "failover,storm"), "'storm' is no kind of fault; expected none, few, many"),
        (("--faults", "storm"), "keepalived-killed, child-crash"),
        (("--nodes", "1", "--faults", "split"), "a cluster of one node cannot be split"),
    ],
)
def test_invalid_options_are_refused_with_valid_ones(
    capfd: pytest.CaptureFixture[str], words: tuple[str, ...], expected: str
) -> None:
    code, out, err = simulated(capfd, *words)
    assert (2, "") == (code, out)
    assert err.startswith("hakeeper simulate: ")
    assert expected in err
    assert "unexpected error" not in err


def test_lines_that_only_dbus_sees_through_are_refused_without_it() -> None:
    with pytest.raises(OptionError, match="stray-lines needs D-Bus"):
        wanted(OWN, faults="stray-lines")
    assert (Kind.STRAY_LINES,) == wanted(faults="stray-lines").faults.kinds
    assert Kind.STRAY_LINES not in wanted(OWN, faults="many").faults.kinds


def test_configurations_that_are_missing_or_wrong_end_it_as_check_does(
    capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "own.yaml"
    code, _, err = simulated(capfd, "-c", str(path))
    assert code == 66
    assert "there is no configuration file here" in err
    path.write_text("instances: {VI_1: {floating_ips: []}}\n")
    code, _, err = simulated(capfd, "-c", str(path))
    assert code == 78
    assert err.startswith(f"{path}:1:")


def test_named_faults_come_and_no_others(capfd: pytest.CaptureFixture[str]) -> None:
    found = document(capfd, "--hours", "2", "--faults", "failover,V3-split")["faults"]["injected"]
    assert {"V1-failover", "V3-split"} == found.keys()
    assert min(found.values()) > 2


def test_faults_of_one_cluster_leave_the_others_alone() -> None:
    options = wanted(nodes=6, faults="nobody,split,one-way", hours=1.0)
    world = FleetWorld(options, judged=True)
    assert {(0, 1), (1, 0)} == {(a, b) for a in range(2) for b in world.layout.members(a) if a != b}
    struck = {fault.node for fault in world.plan.faults}
    assert set(range(6)) == struck
    assert [] == world.run()
    assert all(a // 2 == b // 2 for a, b in world.links.cuts)
    alone = replace(
        options.plan(), faults=tuple(f for f in options.plan().faults if f.node in (0, 1))
    )
    quiet = FleetWorld(options, judged=True)
    quiet.plan = alone
    quiet.run()
    moved = {move.number for move in quiet.repairs.moves if move.at_s > 1020.0}
    assert {1} == moved


@pytest.mark.parametrize("width", [40, 79, 200])
def test_the_pictures_are_no_wider_than_the_terminal(width: int) -> None:
    answer = simulate(wanted(hours=2.0, faults="many"), print)
    measured = answer.measured
    drawn = [
        *calls_over_time(answer.spending[0].per_minute, 3600, width),
        *histogram(measured.claims_ms, measured.repairs_ms, width),
    ]
    assert max(map(len, drawn)) <= width
    assert any("█" in line for line in drawn)


def test_long_runs_tell_how_far_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulation, "PROGRESS_EVERY_S", 0.0)
    told: list[str] = []
    simulate(wanted(hours=0.1), told.append)
    assert told[0] == "  0% of 0.1 simulated hours"
    assert told[-1].endswith("% of 0.1 simulated hours")
    assert len(told) == 36
