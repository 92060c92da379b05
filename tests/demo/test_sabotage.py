"""A demo in which somebody meddles is not right, and its exit code says so."""

import io
import os

import pytest

from hakeeper.demo.replay import ReplayStage
from hakeeper.demo.run import Options, demo


class MeddledStage(ReplayStage):
    """An operator takes the address away while a server comes back."""

    def power_up(self, node: str) -> None:
        self.cloud.move(self.floating_ip, None)
        super().power_up(node)


def test_a_move_by_somebody_else_makes_the_demo_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", os.environ["PATH"])  # which the demo extends
    monkeypatch.setattr("hakeeper.demo.run.ReplayStage", MeddledStage)
    out = io.StringIO()
    assert 1 == demo(Options(replay=True, pauses=False), out)
    text = " ".join(out.getvalue().split())
    assert "WRONG the address went nobody -> web-a -> web-b -> nobody -> web-a -> web-b" in text
    assert "Something was wrong: see above." in text
    assert "Every holder" not in text
