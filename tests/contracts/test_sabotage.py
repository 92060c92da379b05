"""The stories are not told in vain: each planted mistake spoils the one that is named with it."""

import pytest

from tests.contracts.fake import FakePort
from tests.contracts.plants import IN_THE_ADAPTER, IN_THE_FAKE, IN_THE_SIMULATOR, Plant
from tests.contracts.port import Calls
from tests.contracts.real import RealPort, Tls
from tests.contracts.test_together import tell_both


def spoils(plant: Plant, port: Calls) -> None:
    try:
        with pytest.raises(AssertionError):
            plant.story(port)
    finally:
        port.close()


@pytest.mark.parametrize("plant", IN_THE_FAKE, ids=lambda plant: plant.name)
def test_a_mistake_of_the_fake_is_found(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    plant.plant(monkeypatch)
    spoils(plant, FakePort())


@pytest.mark.parametrize(
    "plant", [*IN_THE_ADAPTER, *IN_THE_SIMULATOR], ids=lambda plant: plant.name
)
def test_a_mistake_of_the_adapter_or_the_simulator_is_found(
    plant: Plant, tls: Tls, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant.plant(monkeypatch)
    spoils(plant, RealPort(tls))


def test_a_mistake_is_found_by_chance_too(tls: Tls, monkeypatch: pytest.MonkeyPatch) -> None:
    IN_THE_FAKE[0].plant(monkeypatch)
    fake, real = FakePort(), RealPort(tls)
    try:
        with pytest.raises(AssertionError):
            tell_both(0, fake, real)
    finally:
        fake.close()
        real.close()
