"""A new key is one row: it is read, has a default, and stands in the JSON and on every page."""

from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from hakeeper.config import Config, ConfigErrors, HetznerConfig, InstanceConfig
from hakeeper.config.hooks import HooksConfig
from hakeeper.config.pages import as_markdown, as_mdoc, example
from hakeeper.config.parser import parse_as
from hakeeper.config.resources import RESOURCES
from hakeeper.config.table import (
    Items,
    Names,
    Row,
    as_json,
    key,
    names,
    resources,
    rows,
    section,
    several,
)
from hakeeper.config.values import duration
from hakeeper.core.model import VrrpKind
from hakeeper.core.observation import ResourceRef
from tests.support.resources import by_name

GOOD = "instances: {VI_1: {floating_ips: [web]}}\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherHetzner(HetznerConfig):
    """The section with one more row."""

    patience_s: float = key(
        "hetzner.patience", duration(2, 120, "a guess"), 30.0, "How long to be patient."
    )


FLOATING_IPS = RESOURCES["floating_ips"]
VOLUMES = Row(
    path="volumes",
    type=Items(FLOATING_IPS.split, FLOATING_IPS.item, "a volume", "a list of volumes", "volume"),
    default=(),
    written="",
    example="[data]",
    help="The volumes.",
)
KINDS = [row for row in rows(InstanceConfig) if row.path in resources(InstanceConfig)]


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherInstance(InstanceConfig):
    """With one more row for what the cloud moves."""

    resources: Mapping[str, tuple[ResourceRef, ...]] = several([*KINDS, VOLUMES])


@dataclass(frozen=True, slots=True, kw_only=True)
class Other(Config):
    """The configuration with both."""

    instances: Mapping[str, InstanceConfig] = names(
        "instances",
        Names(VrrpKind.INSTANCE, "vrrp_instance", OtherInstance),
        "What goes with each.",
        example="VI_1",
    )
    hetzner: OtherHetzner = section(OtherHetzner)


def read(text: str) -> Other:
    return parse_as(Other, text, "f.yaml")


def error(text: str) -> str:
    with pytest.raises(ConfigErrors) as caught:
        read(text)
    assert len(caught.value.errors) == 1
    return str(caught.value)


def test_it_is_read_and_has_its_default() -> None:
    assert read(GOOD).hetzner.patience_s == 30.0
    assert read(f"hetzner: {{patience: 1m}}\n{GOOD}").hetzner.patience_s == 60.0


def test_its_mistakes_are_reported() -> None:
    assert error(f"hetzner: {{patience: 5}}\n{GOOD}").startswith("f.yaml:1:21: hetzner.patience: ")
    assert "expected 2s to 2m: a guess" in error(f"hetzner: {{patience: 1h}}\n{GOOD}")
    assert "did you mean `patience`?" in error(f"hetzner: {{patienc: 5s}}\n{GOOD}")
    assert "it belongs under `hetzner:`" in error(f"patience: 5s\n{GOOD}")


def test_it_stands_in_the_json() -> None:
    shown = read(GOOD).as_json()
    api = shown["hetzner"]
    assert isinstance(api, dict)
    assert ["endpoint", "token_file", "ca_file", "timeout_s", "patience_s"] == list(api)
    assert 30.0 == api["patience_s"]


def test_it_stands_on_every_page() -> None:
    line = "  # How long to be patient.\n  patience: 30s  # a duration from 2s to 2m\n"
    assert line in example(Other)
    about = "How long to be patient.\n\n*A duration from 2s to 2m. Default: `30s`.*\n"
    assert f"### `hetzner.patience`\n\n{about}" in as_markdown(Other)
    assert ".It Sy hetzner.patience\nHow long to be patient.\n" in as_mdoc(Other)


def test_the_full_example_is_read_as_the_defaults() -> None:
    assert read(example(Other)) == Other(
        instances={
            "VI_1": OtherInstance(
                resources={
                    "floating_ips": (by_name("web"),),
                    "alias_ips": (),
                    "failover_ips": (),
                    "volumes": (by_name("data"),),
                }
            )
        }
    )


def test_another_thing_that_the_cloud_moves_is_one_row_too() -> None:
    alone = read("instances: {VI_1: {volumes: [data]}}")
    listed = {
        "floating_ips": (),
        "alias_ips": (),
        "failover_ips": (),
        "volumes": (by_name("data"),),
    }
    assert {"VI_1": OtherInstance(resources=listed)} == alone.instances
    assert [(by_name("data"),)] == list(alone.resources.values())
    lists = {
        "floating_ips": [],
        "alias_ips": [],
        "failover_ips": [],
        "vrrp_addresses": [],
        "volumes": ["data"],
        "hooks": as_json(HooksConfig()),
    }
    assert [{"kind": "INSTANCE", "name": "VI_1"} | lists] == alone.as_json()["addresses"]
    none = error("instances: {VI_1: {}}")
    assert "lists no floating IP, alias IP, failover IP or volume; add at least one" in none
    twice = "instances: {V: {volumes: [a]}, W: {volumes: [a]}}"
    assert "W.volumes[0]: `a` is already listed, for V in line 1" in error(twice)
    assert "    volumes: [data]  # a list of volumes\n" in example(Other)
    assert "### `instances.NAME.volumes`\n" in as_markdown(Other)
