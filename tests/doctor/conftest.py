"""Two servers with real keepalived, real hakeeper and a cloud, for each module that asks."""

from collections.abc import Iterator

import pytest

from hakeeper.demo.cloud import SimCloud
from hakeeper.demo.lab import Lab, LabSettings, settle
from tests.doctor.station import VRRP, Station


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    reason = Lab.available()
    if reason is not None:
        pytest.skip(f"no lab with real keepalived here: {reason}")
    settings = LabSettings(vrrp=VRRP, vrrp_address=True)
    with SimCloud() as cloud, Lab(settings, cloud) as lab:
        lab.start_hakeeper()
        lab.start_keepalived()
        lab.wait_for_master(lab.node("a"))
        settle(lab)
        yield lab


@pytest.fixture(scope="module")
def station(lab: Lab) -> Station:
    """The backup: what is done to it moves nothing."""
    return Station(lab, lab.node("b"))
