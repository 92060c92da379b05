"""The files for containers fit together and give no more rights than they say; nothing is run."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from hakeeper.adapters.configfile import load
from hakeeper.config.keys import StateSource
from tests.package.containers import FOLDER, HAKEEPER_ID, options_of
from tests.support.markdown import blocks

REPO = Path(__file__).parents[2]
CONTAINERFILE = (FOLDER / "Containerfile").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
PAGE = (REPO / "docs/containers.md").read_text()


@pytest.mark.parametrize("name", SERVICES)
def test_no_container_has_rights_that_it_does_not_need(name: str) -> None:
    service = SERVICES[name]

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    # Only keepalived makes addresses, and sees nothing of the host's processes.
    is_keepalived = name == "keepalived"
    assert service["user"] == ("root" if is_keepalived else "hakeeper")
    assert ("cap_add" in service) == is_keepalived
    assert service.get("pid") in {None, "service:processes"}
    assert not {"privileged", "devices", "ipc", "userns_mode"} & set(service)


@pytest.mark.parametrize("name", SERVICES)
def test_the_nightly_test_can_run_every_service(name: str) -> None:
    options = options_of(SERVICES[name], "/proc/1/ns/net", Path("/host"))

    assert options[options.index("hakeeper") + 1 :] == SERVICES[name]["command"]


def test_hakeeper_may_use_as_much_as_under_systemd() -> None:
    unit = (REPO / "systemd/hakeeper.service").read_text()

    assert f"MemoryMax={SERVICES['hakeeper']['mem_limit'].upper()}" in unit
    assert f"TasksMax={SERVICES['hakeeper']['pids_limit']}\n" in unit


def test_the_image_has_the_user_and_all_that_the_services_run() -> None:
    assert "keepalived systemd /tmp/hakeeper_*.deb" in CONTAINERFILE
    assert re.search(r"useradd (.*\\\n)*.* hakeeper$", CONTAINERFILE, re.MULTILINE)
    assert f"ARG HAKEEPER_ID={HAKEEPER_ID}\n" in CONTAINERFILE
    assert {service["image"] for service in SERVICES.values()} == {"hakeeper"}
    assert "USER hakeeper\n" in CONTAINERFILE


def test_what_both_use_is_on_the_volume_that_they_share(tmp_path: Path) -> None:
    config = load(written(tmp_path)).keepalived
    made = re.findall(r"^[dpf] (\S+)", (REPO / "systemd/tmpfiles.conf").read_text(), re.MULTILINE)

    for name in ("keepalived", "hakeeper"):
        assert "run:/run" in SERVICES[name]["volumes"]
    for path in (config.fifo, config.pid_file, config.track_file, *made):
        assert Path(path).is_relative_to("/run")
    volumes = {each.split(":")[0] for one in SERVICES.values() for each in one.get("volumes", [])}
    assert {each for each in volumes if not each.startswith("/")} == set(COMPOSE["volumes"])


def written(folder: Path) -> Path:
    """Return the page's hakeeper.yaml, as a file."""
    file = folder / "hakeeper.yaml"
    file.write_text(blocks(PAGE, "yaml")[0])
    return file


def test_the_page_says_what_the_files_say(tmp_path: Path) -> None:
    config = load(written(tmp_path))
    assert config.keepalived.state is StateSource.NONE
    assert str(config.hetzner.token_file) == "/etc/hakeeper/token"
    assert f"chown {HAKEEPER_ID}:{HAKEEPER_ID} /etc/hakeeper/token" in PAGE
    assert f"HAKEEPER_ID={HAKEEPER_ID}" not in PAGE, "another one is an example of its own"
    for name in SERVICES:
        assert f"`{name}`" in PAGE
    [build] = re.findall(r"podman build .*", CONTAINERFILE)
    assert build.replace("Containerfile", "conf/container/Containerfile") in PAGE
