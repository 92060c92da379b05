"""The stories about failover IPs are not told in vain either."""

import pytest

from tests.contracts.failover_plants import IN_THE_ADAPTER, IN_THE_FAKE, IN_THE_SIMULATOR
from tests.contracts.failovers import FakeRobot, RealRobot
from tests.contracts.plants import Plant
from tests.contracts.real import Tls
from tests.contracts.test_sabotage import spoils


@pytest.mark.parametrize("plant", IN_THE_FAKE, ids=lambda plant: plant.name)
def test_a_mistake_of_the_fake_is_found(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    plant.plant(monkeypatch)
    spoils(plant, FakeRobot())


@pytest.mark.parametrize(
    "plant", [*IN_THE_ADAPTER, *IN_THE_SIMULATOR], ids=lambda plant: plant.name
)
def test_a_mistake_of_the_adapter_or_the_simulator_is_found(
    plant: Plant, tls: Tls, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant.plant(monkeypatch)
    spoils(plant, RealRobot(tls))
