"""A demo in which somebody meddles is not right, and its exit code says so."""

import io
import os

import pytest

from hakeeper.demo.replay import ReplayStage
from hakeeper.demo.run import Options, demo


class MeddledStage(ReplayStage):
    """An operator takes both addresses, and one that is not hakeeper's, off a dead server."""

    def cut_power(self, node: str) -> None:
        super().cut_power(node)
        self.cloud.move(self.floating_ip, None)
        self.cloud.set_alias_ips(self.server(node).server_id, self.network, [])


WRONGS = (
    "WRONG 203.0.113.10 went nobody -> web-a -> nobody -> web-b -> web-a -> nobody -> web-b, but",
    "WRONG an unexpected move of 10.99.0.100: operator moved it to nobody; operator moved it to",
    "WRONG a move left 10.99.0.100 with nobody for",
    "WRONG web-a's alias IP 10.99.0.201 went nobody -> web-a -> nobody",
)


def test_moves_by_somebody_else_make_the_demo_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", os.environ["PATH"])  # which the demo extends
    monkeypatch.setattr("hakeeper.demo.run.ReplayStage", MeddledStage)
    out = io.StringIO()
    assert 1 == demo(Options(replay=True, pauses=False), out)
    text = " ".join(out.getvalue().split())
    for wrong in WRONGS:
        assert wrong in text
    assert "Something was wrong: see above." in text
    assert "Every holder" not in text
