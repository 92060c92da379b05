"""The page about metrics shows those of the code, and the alerts of the rules."""

import re
from pathlib import Path

import yaml

from hakeeper.adapters.counts import RESULTS
from hakeeper.metrics.exposition import exposition
from hakeeper.metrics.listener import CONNECTIONS, DEADLINE_S
from hakeeper.metrics.table import as_markdown
from tests.conf.test_prometheus import ALERTS, CONF
from tests.metrics.answers import answer
from tests.support.generated_docs import check_section

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "metrics.md"
TEXT = " ".join(PAGE.read_text().split())
UNIT = (ROOT / "systemd" / "hakeeper-metrics.service").read_text()


def test_the_table_of_metrics_is_the_one_in_the_code() -> None:
    check_section(PAGE, "metrics", as_markdown())


def test_the_table_of_alerts_is_that_of_the_rules() -> None:
    rows = re.findall(
        r"^\| \[(\w+)\]\(runbooks\.md#(\w+)\) \| .* \| (\w+) \|$", PAGE.read_text(), re.MULTILINE
    )
    assert rows == [
        (one["alert"], one["alert"].lower(), one["labels"]["severity"]) for one in ALERTS
    ]


def test_the_way_to_scrape_is_that_of_the_example_and_of_the_unit() -> None:
    [shown] = re.findall(r"^```yaml\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    example = yaml.safe_load((CONF / "hakeeper.scrape.yml").read_text())
    assert example == yaml.safe_load(shown)
    [target] = example["scrape_configs"][0]["static_configs"][0]["targets"]
    assert f"hakeeper metrics --listen {target}\n" in UNIT
    assert f"http://{target}/metrics" in TEXT


def test_the_results_of_calls_are_all_named() -> None:
    named = TEXT.split("`result` of API calls is")[1].split(". - `code`")[0]
    assert [*RESULTS] == re.findall(r"`(\w+)`", named)


def test_the_figures_are_those_of_the_code() -> None:
    assert f"A connection has two seconds for everything, {CONNECTIONS} are served at once" in TEXT
    assert DEADLINE_S == 2.0


def test_the_number_of_series_is_about_that() -> None:
    given = answer()
    role = given["status"]["roles"][0]
    [address] = role["addresses"]

    def series() -> int:
        return sum(not line.startswith(b"#") for line in exposition(given).splitlines())

    one = series()
    role["addresses"] = [address, {**address, "ref": "db"}]
    more = series() - one
    [(fixed, each)] = re.findall(r"about (\d+), and (\d+) more for each address", TEXT)
    assert int(each) == more
    assert abs(int(fixed) - (one - more)) <= 10
