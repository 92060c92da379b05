"""The picture of the dashboard shows what Prometheus has, in the dashboard's own words."""

import json
import math
from xml.etree import ElementTree as ET

from tests.conf.test_prometheus import DASHBOARD, PANELS
from tests.metrics.__main__ import PICTURE
from tests.metrics.picture import Curve, Span, draw, named
from tests.metrics.prometheus import Series

SPAN = Span(1000.0, 1100.0)
SVG = "{http://www.w3.org/2000/svg}"
HALVES = {float(at_s): float(at_s >= 1050) for at_s in range(1000, 1101)}
"""0, and from the middle on 1."""


def drawn(curve: Curve) -> ET.Element:
    dashboard = json.loads(DASHBOARD.read_text())
    return ET.fromstring(draw(dashboard, [[curve] for _ in PANELS], SPAN, "a test"))  # noqa: S314  # ours


def texts(picture: ET.Element) -> list[str]:
    return ["".join(one.itertext()) for one in picture.iter(f"{SVG}text")]


def test_every_panel_and_every_name_is_there() -> None:
    shown = texts(drawn(Curve("web <on> a & b", HALVES)))
    assert {panel["title"] for panel in PANELS} <= {*shown}
    assert len(PANELS) == sum("web <on> a & b" in text for text in shown)
    assert {"MASTER", "DEGRADED", "here"} <= {*shown}, "the words that the dashboard has for 1"


def test_a_state_begins_where_the_value_changes() -> None:
    blocks = [one for one in drawn(Curve("a", HALVES)).iter(f"{SVG}rect") if one.get("fill")]
    first, second = blocks[:2]
    assert first.get("width") == second.get("width")
    assert first.get("fill") != second.get("fill")


def test_a_gap_and_what_is_no_number_interrupt_a_line() -> None:
    values = {at_s: value for at_s, value in HALVES.items() if not 1020 < at_s < 1030}
    values[1070.0] = math.nan
    lines = [*drawn(Curve("a", values)).iter(f"{SVG}polyline")]
    assert 3 * sum(panel["type"] == "timeseries" for panel in PANELS) == len(lines)


def test_a_legend_takes_the_labels() -> None:
    series = Series({"instance": "web-a", "code": "x.y"}, {})
    assert named(series, "{{code}} on {{instance}}").name == "x.y on web-a"


def test_the_picture_in_the_documents_has_the_panels_of_now() -> None:
    shown = texts(ET.fromstring(PICTURE.read_text()))  # noqa: S314  # ours
    assert {panel["title"] for panel in PANELS} <= {*shown}
    assert any("not by Grafana" in text for text in shown)
