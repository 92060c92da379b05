"""The examples for Prometheus and Grafana: valid, tested, and about metrics that there are."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from hakeeper.metrics.metric import Type
from hakeeper.metrics.table import METRICS, UP
from tests.package.test_documents import anchors

ROOT = Path(__file__).parents[2]
CONF = ROOT / "conf" / "prometheus"
RULES = CONF / "hakeeper.rules.yml"
TESTS = CONF / "hakeeper.tests.yml"
DASHBOARD = ROOT / "conf" / "grafana" / "hakeeper.json"
RUNBOOKS = ROOT / "docs" / "runbooks.md"
ALERTS: list[dict[str, Any]] = yaml.safe_load(RULES.read_text())["groups"][0]["rules"]
BOARD: dict[str, Any] = json.loads(DASHBOARD.read_text())
PANELS: list[dict[str, Any]] = BOARD["panels"]
VARIABLES: list[dict[str, Any]] = BOARD["templating"]["list"]
EXPOSED = {
    UP: ["gauge"],
    **{one.name: [*one.labels] for one in METRICS if one.type is not Type.HISTOGRAM},
    **{
        f"{one.name}{suffix}": [*one.labels, "le"]
        for one in METRICS
        if one.type is Type.HISTOGRAM
        for suffix in ("_bucket", "_sum", "_count")
    },
}
"""The labels of each series."""
SCRAPED = {"instance", "job", "cluster"}
"""The labels that Prometheus adds."""


def promtool(*words: object) -> "subprocess.CompletedProcess[str]":
    command = ["promtool", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def queries() -> Iterator[str]:
    """All expressions of the dashboard, with a value for each of its variables."""
    for panel in PANELS:
        for target in panel["targets"]:
            yield re.sub(r"\$\w+", ".*", target["expr"])


def series(expression: str) -> Iterator[tuple[str, set[str]]]:
    """The metrics that an expression names, with the labels that it selects by."""
    for name, selector in re.findall(r"\b(hakeeper_\w+)(?:\{([^}]*)\})?", expression):
        yield name, set(re.findall(r"(\w+)(?:=~|!=|!~|=)", selector))


# --- alerts -----------------------------------------------------------------------------------


def test_promtool_finds_no_fault_with_the_rules() -> None:
    done = promtool("check", "rules", RULES)
    assert 0 == done.returncode, done.stderr
    assert f"SUCCESS: {len(ALERTS)} rules found" in done.stdout


def test_each_alert_fires_when_its_test_says_and_not_before() -> None:
    done = promtool("test", "rules", TESTS)
    assert 0 == done.returncode, done.stderr


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("expr: hakeeper_up == 0", "expr: hakeeper_up == 1"),
        ("for: 30s", "for: 0s"),
        ("> 6\n", "> 60\n"),
        ("unless on (job, instance) hakeeper_paused == 1", ""),
        ("< 0.1", "< 0.01"),
    ],
)
def test_a_rule_that_is_wrong_fails_its_test(tmp_path: Path, right: str, wrong: str) -> None:
    shutil.copytree(CONF, tmp_path / "conf")
    copy = tmp_path / "conf" / RULES.name
    assert right in copy.read_text()
    copy.write_text(copy.read_text().replace(right, wrong, 1))
    assert 0 != promtool("test", "rules", tmp_path / "conf" / TESTS.name).returncode


def test_each_alert_is_tested() -> None:
    tests = yaml.safe_load(TESTS.read_text())["tests"]
    fired = {
        one["alertname"]
        for test in tests
        for one in test.get("alert_rule_test", [])
        if one["exp_alerts"]
    }
    assert {alert["alert"] for alert in ALERTS} == fired


def test_each_alert_has_its_runbook() -> None:
    sections = anchors(RUNBOOKS.read_text())
    home = "https://github.com/hakeeper/hakeeper/blob/main/docs/runbooks.md#"
    for alert in ALERTS:
        anchor = alert["alert"].lower()
        assert f"{home}{anchor}" == alert["annotations"]["runbook_url"]
        assert anchor in sections


def test_the_runbooks_tell_of_no_other_alert() -> None:
    told = re.findall(r"^## (Hakeeper\w+)$", RUNBOOKS.read_text(), re.MULTILINE)
    assert [alert["alert"] for alert in ALERTS] == told


def test_the_example_of_scraping_is_good() -> None:
    done = promtool("check", "config", "--syntax-only", CONF / "hakeeper.scrape.yml")
    assert 0 == done.returncode, done.stderr


# --- dashboard --------------------------------------------------------------------------------


def test_every_query_is_one(tmp_path: Path) -> None:
    rules = [{"record": f"panel:{i}", "expr": query} for i, query in enumerate(queries())]
    assert len(rules) > len(PANELS)
    file = tmp_path / "queries.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    done = promtool("check", "rules", file)
    assert 0 == done.returncode, done.stderr


@pytest.mark.parametrize("expression", [*queries(), *(alert["expr"] for alert in ALERTS)])
def test_what_is_asked_for_is_exposed(expression: str) -> None:
    for name, labels in series(expression):
        assert name in EXPOSED
        assert labels <= {*EXPOSED[name]} | SCRAPED


def test_panels_have_ids_of_their_own_and_lie_beside_each_other() -> None:
    assert len(PANELS) == len({panel["id"] for panel in PANELS})
    taken: set[tuple[int, int]] = set()
    for panel in PANELS:
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert not cells & taken, panel["title"]
        taken |= cells
    assert {x for x, _ in taken} == {*range(24)}


PARTS = {
    "state-timeline": {"mergeValues", "showValue", "alignValue", "rowHeight", "legend", "tooltip"},
    "timeseries": {"legend", "tooltip"},
}
"""The panels of Grafana that are used, each with the options that its schema has."""
PROMETHEUS = {"type": "prometheus", "uid": "${datasource}"}


def test_the_dashboard_asks_the_data_source_that_its_reader_chooses() -> None:
    """One that names ours, or none, shows nothing in the Grafana of somebody else."""
    assert ("datasource", "prometheus") == (VARIABLES[0]["type"], VARIABLES[0]["query"])
    asking = [
        *PANELS,
        *(target for panel in PANELS for target in panel["targets"]),
        *VARIABLES[1:],
    ]
    assert [] == [one for one in asking if one["datasource"] != PROMETHEUS]


def test_each_variable_that_is_used_is_defined_and_each_that_is_defined_is_used() -> None:
    text = json.dumps(BOARD)
    used = set(re.findall(r"\$\{?([a-z]\w*)", text))
    assert [one["name"] for one in VARIABLES] == sorted(
        used, key=[one["name"] for one in VARIABLES].index
    )
    for variable in VARIABLES[1:]:
        query = variable["query"]["query"]
        assert variable["definition"] == query
        [(asked, label)] = re.findall(r"^label_values\((.*), (\w+)\)$", query)
        assert label in SCRAPED
        assert all(name in EXPOSED and labels <= SCRAPED for name, labels in series(asked))


@pytest.mark.parametrize("panel", PANELS, ids=[panel["title"] for panel in PANELS])
def test_a_panel_is_one_of_grafanas(panel: dict[str, Any]) -> None:
    assert panel["options"].keys() <= PARTS[panel["type"]]
    assert {"defaults", "overrides"} >= panel["fieldConfig"].keys()
    assert panel["description"]
    ids = [target["refId"] for target in panel["targets"]]
    assert [chr(ord("A") + number) for number in range(len(ids))] == ids


@pytest.mark.parametrize("panel", PANELS, ids=[panel["title"] for panel in PANELS])
def test_a_legend_names_labels_that_its_series_have(panel: dict[str, Any]) -> None:
    for target in panel["targets"]:
        named = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
        kept = re.findall(r"\bby \(([^)]*)\)", target["expr"])
        if kept:
            left = {label.strip() for labels in kept for label in labels.split(",")}
        elif re.match(r"(sum|histogram_quantile)\(", target["expr"]):
            left = set()
        else:
            names = [name for name, _ in series(target["expr"])]
            left = SCRAPED.union(*(EXPOSED[name] for name in names))
        assert named <= left
