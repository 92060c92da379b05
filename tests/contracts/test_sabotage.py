"""The stories are not told in vain: each planted mistake spoils the one that is named with it."""

from collections.abc import Callable

import pytest

from tests.contracts import alias_plants, failover_plants, plants
from tests.contracts.aliases import FakeAliases, RealAliases
from tests.contracts.failovers import FakeRobot, RealRobot
from tests.contracts.fake import FakePort
from tests.contracts.plants import Plant
from tests.contracts.port import Calls
from tests.contracts.real import RealPort, Tls
from tests.contracts.test_together import tell_both

IN_FAKES = [
    *((plant, FakePort) for plant in plants.IN_THE_FAKE),
    *((plant, FakeAliases) for plant in alias_plants.IN_THE_FAKE),
    *((plant, FakeRobot) for plant in failover_plants.IN_THE_FAKE),
]
IN_REAL_ONES = [
    *((plant, RealPort) for plant in (*plants.IN_THE_ADAPTER, *plants.IN_THE_SIMULATOR)),
    *((plant, RealAliases) for plant in alias_plants.IN_THE_ADAPTER),
    *((plant, RealAliases) for plant in alias_plants.IN_THE_SIMULATOR),
    *((plant, RealRobot) for plant in failover_plants.IN_THE_ADAPTER),
    *((plant, RealRobot) for plant in failover_plants.IN_THE_SIMULATOR),
]


def spoils(plant: Plant, port: Calls) -> None:
    try:
        with pytest.raises(AssertionError):
            plant.story(port)
    finally:
        port.close()


def name_of(each: Plant | type[Calls]) -> str:
    return each.name if isinstance(each, Plant) else each.__name__


@pytest.mark.parametrize(("plant", "fake"), IN_FAKES, ids=name_of)
def test_a_mistake_of_the_fake_is_found(
    plant: Plant, fake: Callable[[], Calls], monkeypatch: pytest.MonkeyPatch
) -> None:
    plant.plant(monkeypatch)
    spoils(plant, fake())


@pytest.mark.parametrize(("plant", "real"), IN_REAL_ONES, ids=name_of)
def test_a_mistake_of_the_adapter_or_the_simulator_is_found(
    plant: Plant, real: Callable[[Tls], Calls], tls: Tls, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant.plant(monkeypatch)
    spoils(plant, real(tls))


def test_a_mistake_is_found_by_chance_too(tls: Tls, monkeypatch: pytest.MonkeyPatch) -> None:
    plants.IN_THE_FAKE[0].plant(monkeypatch)
    fake, real = FakePort(), RealPort(tls)
    try:
        with pytest.raises(AssertionError):
            tell_both(0, fake, real)
    finally:
        fake.close()
        real.close()
