import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.bench import __main__ as main
from tests.bench.rig import Unavailable


def no_root(_repeat: int | None) -> dict[str, int]:
    raise Unavailable("network namespaces need root")


@pytest.fixture
def parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two parts: one that cannot be measured, and one that can."""
    made = {
        "bench.here": SimpleNamespace(
            measure=lambda repeat: {"repeat": repeat}, tables=lambda figures: str(figures["repeat"])
        ),
        "bench.away": SimpleNamespace(measure=no_root),
    }
    monkeypatch.setattr(main, "PARTS", {"away": "bench.away", "here": "bench.here"})
    monkeypatch.setattr("importlib.import_module", made.__getitem__)


@pytest.mark.usefixtures("parts")
def test_a_part_that_cannot_run_says_so_and_the_others_run(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "figures.json"
    file.write_text('{"before": {"kept": 1}}')
    assert 77 == main.main(["--repeat", "3", "--json", str(file)])
    said = capsys.readouterr()
    assert "away cannot be measured here: network namespaces need root" in said.err
    assert said.out.startswith("3\n")
    assert "cores" in said.out
    figures = json.loads(file.read_text())
    assert ["before", "here"] == sorted(figures)
    assert 3 == figures["here"]["repeat"]


@pytest.mark.usefixtures("parts")
def test_an_unknown_part_is_refused_with_the_names_of_all(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main.main(["nowhere"])
    assert "no such part: nowhere; there are: away, here" in capsys.readouterr().err
