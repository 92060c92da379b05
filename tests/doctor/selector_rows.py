"""A server whose floating IPs are chosen by a label, and rows of the table of findings about it."""

from collections.abc import Callable
from dataclasses import replace
from ipaddress import ip_network
from typing import TypeAlias

from hakeeper.core.observation import Observation
from hakeeper.kinds.label_selector import note_of
from tests.support.resources import fip
from tests.support.server_facts import WEB, YAML_PATH, Case, listed

Row: TypeAlias = tuple[str, Callable[[Case], Case], str, str, str, str, str]

AT = f"{YAML_PATH}:3"
ROLE = note_of({"role": "web"})
LABELLED = replace(WEB, note=ROLE)


def other(number: int, **labels: str) -> Observation:
    address = f"203.0.113.{20 + number}"
    return replace(
        WEB,
        id=fip(number),
        name=f"ip{number}",
        label=address,
        network=ip_network(address),
        server_id=None,
        note=note_of(labels),
    )


def case(*floating_ips: Observation, yaml: str = "[{label: role=web}]") -> Case:
    return Case().with_yaml("[web]", yaml).with_api(listed=listed(*floating_ips))


def many(count: int) -> list[Observation]:
    """Have so many that are chosen."""
    return [LABELLED, *(other(number, role="web") for number in range(1, count))]


BOTH = "[{label: role=web}]\n  VI_2:\n    floating_ips: "
"""And what another instance has."""

SELECTOR_ROWS: list[Row] = [
    ("a selector of nothing", lambda _: case(WEB, other(7, role="db")), "floating IP", "error",
        "VI_1: label role=web chooses none of the project's 2 floating IPs", AT,
        "hcloud floating-ip list -o columns=id,name,ip,labels"),
    ("a selector of everything", lambda _: case(*many(10)), "floating IP", "warning",
        "VI_1: label role=web chooses 10 of the project's 10 floating IPs, most of what there is:",
        AT, "floating_ips: [{label: role=web}]    # one that only those have which are to move"),
    ("two selectors of one", lambda _: case(LABELLED, yaml=f"{BOTH}[{{label: role}}]"),
        "floating IP", "warning",
        "VI_2: label role chooses 203.0.113.10, which follows VI_1 by label role=web",
        f"{YAML_PATH}:5", "make the selectors in hakeeper.yaml exclude each other"),
]  # fmt: skip
