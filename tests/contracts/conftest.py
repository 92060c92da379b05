from collections.abc import Iterator

import pytest

from tests.contracts.fake import FakePort
from tests.contracts.port import Port
from tests.contracts.real import RealPort, Tls, make_authority


@pytest.fixture(scope="session")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Tls:
    return make_authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture(params=["fake", "real"])
def port(request: pytest.FixtureRequest, tls: Tls) -> Iterator[Port]:
    made: Port = FakePort() if request.param == "fake" else RealPort(tls)
    yield made
    made.close()
