"""Who may change a file: folders, groups, links, and what is no hole."""

import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from hakeeper.config import parse
from hakeeper.doctor.checks.access import access
from hakeeper.doctor.examination import judge
from hakeeper.doctor.facts import Component, Facts, GuardedFile
from hakeeper.doctor.finding import Finding
from hakeeper.doctor.gather.access import components_of, guarded_files
from hakeeper.doctor.keepalived_facts import FifoFacts
from tests.support.privileges import NOBODY, public_folder
from tests.support.server_facts import CONF_PATH, YAML_PATH, Case, file, folder


def link(path: str, **changes: object) -> Component:
    return folder(path, **{"kind": stat.S_IFLNK, "mode": 0o777, **changes})


JANE = {"owner": "jane", "owner_id": 1000}
TMP = folder("/tmp", mode=0o1777)


@pytest.mark.parametrize(
    "changed",
    [
        file(YAML_PATH, owner="hakeeper", owner_id=990),
        folder("/etc/hakeeper", owner="hakeeper", owner_id=990),
        file(YAML_PATH, mode=0o664, group="hakeeper", group_members=("hakeeper",)),
        file(CONF_PATH, mode=0o664, group="staff", group_members=()),
        file(CONF_PATH, mode=0o664, group="root", group_members=("root",)),
        file(CONF_PATH, mode=0o640, group="ops", group_members=("jane",)),
    ],
)
def test_safe_permissions_are_accepted(changed: Component) -> None:
    assert [] == Case().with_component(changed).findings()


def test_the_services_user_may_not_write_files_that_root_acts_on() -> None:
    case = Case().with_component(file(CONF_PATH, owner="hakeeper", owner_id=990))

    assert [("hakeeper may write to it", CONF_PATH)] == [
        (each.what, str(each.place)) for _, each in case.findings()
    ]


@pytest.mark.parametrize(
    ("way", "found"),
    [
        ((TMP, file("/tmp/a.yaml")), []),
        ((TMP, file("/tmp/a.yaml", **JANE)), ["/tmp/a.yaml"]),
        ((TMP, link("/tmp/a.yaml", **JANE), file("/b.yaml")), ["/tmp/a.yaml"]),
        ((folder("/etc"), link("/etc/a.yaml", **JANE), file("/b.yaml")), []),
        ((folder("/srv", **JANE), link("/srv/a.yaml"), file("/b.yaml")), ["/srv"]),
    ],
)
def test_a_directory_decides_whether_its_files_can_be_replaced(
    way: tuple[Component, ...], found: list[str]
) -> None:
    guarded = GuardedFile(name="a.yaml", harm="can do harm", components=(folder("/"), *way))
    findings = replace(Case(), guarded=(guarded,)).findings()

    assert found == [str(each.place) for _, each in findings]
    assert all("-h " in each.cure for _, each in findings if "link" in each.what)


def test_a_fifo_of_root_in_a_folder_where_all_may_add_is_reported() -> None:
    case = replace(Case(), fifo_folder=(folder("/"), TMP))
    above = replace(Case(), fifo_folder=(folder("/"), TMP, folder("/tmp/x")))

    assert [("FIFO folder", "everybody may write to it")] == [
        (name, each.what) for name, each in case.findings()
    ]
    assert [] == above.findings()


def test_a_missing_directory_is_not_reported_as_good() -> None:
    missing = replace(Case(), fifo=FifoFacts(kind=""), fifo_folder=(folder("/"), folder("/run")))

    assert "FIFO folder" not in {name for name, _ in judge(missing.facts()).results}


def test_in_the_sandbox_the_owner_is_not_called_nobody() -> None:
    case = Case().with_component(file(CONF_PATH, owner="nobody", owner_id=65534))

    assert ["another user may write to it"] == [each.what for _, each in case.findings()]


# --- real files -----------------------------------------------------------------------------------


def test_every_link_on_the_way_is_followed() -> None:
    with public_folder() as top:
        (top / "real").mkdir()
        (top / "real/file").touch()
        (top / "there").symlink_to("real")
        (top / "deep").mkdir()
        (top / "deep/up").symlink_to("../there/./file")
        way = [each.path for each in components_of(top / "deep" / "up")]

    base = [each for each in way if not each.startswith(str(top))]
    assert way[0] == "/"
    assert base == [str(each) for each in reversed(Path(top).parents)]
    assert way[len(base) :] == [
        str(top / each) for each in (".", "deep", "deep/up", "there", "real", "real/file")
    ]


def test_links_without_an_end_and_missing_files_end() -> None:
    with public_folder() as top:
        (top / "a").symlink_to("b")
        (top / "b").symlink_to("a")
        assert len(components_of(top / "a")) < 60
        assert str(top) == components_of(top / "none" / "more")[-1].path


def test_an_owner_and_a_group_that_may_write_are_seen() -> None:
    with public_folder() as top:
        path = top / "file"
        path.touch()
        os.chown(path, NOBODY, NOBODY)
        path.chmod(0o664)
        seen = components_of(path)[-1]
        path.chmod(0o644)
        closed = components_of(path)[-1]

    assert (stat.S_IFREG, 0o664, "nobody", NOBODY) == (
        seen.kind,
        seen.mode,
        seen.owner,
        seen.owner_id,
    )
    assert "nobody" in seen.group_members
    assert () == closed.group_members


def test_only_files_that_are_used_are_checked(tmp_path: Path) -> None:
    for name in ("hakeeper.yaml", "ca.pem", "token", "login", "keepalived.conf"):
        (tmp_path / name).touch()
    text = f"instances: {{A: {{floating_ips: [a]}}}}\nhetzner: {{ca_file: {tmp_path}/ca.pem}}\n"
    config = parse(text, "x")
    conf = [str(tmp_path / "keepalived.conf")] * 2

    def names(token: str) -> list[str]:
        path = tmp_path / "hakeeper.yaml"
        found = guarded_files(config, path, tmp_path / token, tmp_path / "login", conf)
        return [each.name for each in found]

    assert ["hakeeper.yaml", "ca.pem", "token", "keepalived.conf"] == names("token")
    assert ["hakeeper.yaml", "ca.pem", "keepalived.conf"] == names("none")


@pytest.mark.parametrize("also", ["", "floating_ips: [a], "])
def test_with_failover_ips_the_files_of_robot_are_checked(tmp_path: Path, also: str) -> None:
    path, token, login = (tmp_path / name for name in ("hakeeper.yaml", "token", "login"))
    for each in (path, token, login, tmp_path / "ca.pem"):
        each.touch()
    robot = f"robot: {{ca_file: {tmp_path}/ca.pem}}"
    config = parse(f"instances: {{A: {{{also}failover_ips: [203.0.113.7]}}}}\n{robot}\n", "x")
    found = guarded_files(config, path, token, login, [])

    cloud = ["token"] if also else []
    assert ["hakeeper.yaml", *cloud, "ca.pem", "login"] == [each.name for each in found]
    sent = "token" if also else "login"
    assert found[0].harm.startswith(f"can redirect the {sent} to their own machine (")


def test_a_file_that_anybody_may_write_makes_the_server_not_ready() -> None:
    with public_folder() as top:
        (top / "keepalived.conf").touch()
        (top / "keepalived.conf").chmod(0o666)
        way = components_of(top / "keepalived.conf")
    case = replace(Case(), guarded=(GuardedFile(name="keepalived.conf", harm="x", components=way),))
    found = list(_found(case.facts()))

    assert [("error", f"chmod o-w {top}/keepalived.conf")] == [
        (each.severity.value, each.cure) for each in found
    ]


def _found(facts: Facts) -> list[Finding]:
    return [each for each in access(facts) if isinstance(each, Finding)]
