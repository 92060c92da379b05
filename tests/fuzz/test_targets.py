"""The fuzz targets without the fuzzer: their seeds, the bugs they must see, and old findings."""

import os
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fuzz import campaign, control, replay, state
from tests.fuzz.mutation import changed
from tests.fuzz.pieces import cut, uncut
from tests.fuzz.places import ROOT, replay_command
from tests.fuzz.plants import PLANTS
from tests.fuzz.targets import TARGETS

FOUND = Path(__file__).parent / "found"
"""Inputs that once were a finding, as `TARGET/NAME`."""
ANY_FAILURE = (
    AssertionError,
    ArithmeticError,
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
)
FOUND_BEFORE = sorted(FOUND.glob("*/*"))


@pytest.fixture(autouse=True)
def _leave_nothing_behind() -> Iterator[None]:
    yield
    control.close()
    state.close()


@pytest.mark.parametrize("name", TARGETS)
def test_every_seed_passes_and_is_short_enough(name: str) -> None:
    target = TARGETS[name]
    seeds = list(target.seeds())
    assert len(seeds) >= 5
    for seed in seeds:
        assert len(seed) <= target.limit_bytes
        target.run(seed)


@pytest.mark.parametrize("name", TARGETS)
def test_seeds_that_were_changed_a_little_pass(name: str) -> None:
    target, rng = TARGETS[name], random.Random(1)  # noqa: S311 - not for secrets
    for seed in target.seeds():
        damaged = bytearray(seed or b"x")
        damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        target.run(bytes(damaged))
        other = changed(seed, rng)
        if other is not None:
            target.run(other)


@pytest.mark.parametrize("path", FOUND_BEFORE, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_what_was_found_once_stays_repaired(path: Path) -> None:
    TARGETS[path.parent.name].run(path.read_bytes())


@pytest.mark.parametrize("name", PLANTS)
def test_a_target_sees_the_bug_that_was_planted_in_it(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant = PLANTS[name]
    run = TARGETS[plant.target].run
    run(plant.shows_on)
    plant.plant(monkeypatch.setattr)
    with pytest.raises(ANY_FAILURE):
        run(plant.shows_on)


@pytest.mark.parametrize("name", PLANTS)
def test_no_seed_shows_a_planted_bug_so_that_it_takes_a_fuzzer_to_find_it(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant = PLANTS[name]
    plant.plant(monkeypatch.setattr)
    for seed in TARGETS[plant.target].seeds():
        TARGETS[plant.target].run(seed)


def test_words_become_a_dictionary_of_libfuzzer() -> None:
    assert '"a"\n"\\""\n"\\x0a"\n' == campaign.dictionary(r'a " \x0a')


def test_every_target_has_a_planted_bug() -> None:
    assert set(TARGETS) == {plant.target for plant in PLANTS.values()}


def test_a_stream_is_cut_where_the_input_says() -> None:
    assert (b"a", b"bcde", b"", b"f") == cut(uncut(b"abcdef", 1, 2, 0))
    assert (b"",) == cut(b"")
    assert (b"", b"") == cut(b"\x0f\x01")


def test_changed_json_is_json_again_and_the_rest_stays() -> None:
    rng = random.Random(1)  # noqa: S311 - not for secrets
    seen = {changed(b'\xffhead {"a": [1, {"b": "c"}]} tail', rng) for _ in range(200)}
    assert len(seen) > 20
    for other in seen:
        assert other is not None
        assert other.startswith(b"\xffhead ")
        assert other.endswith(b" tail")


def test_where_there_is_no_json_none_is_changed() -> None:
    rng = random.Random(1)  # noqa: S311 - not for secrets
    assert changed(b"[[[ {no", rng) is None
    assert changed(b"", rng) is None


def test_a_finding_is_replayed_from_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    plant = PLANTS["deleted-9-raises"]
    path = tmp_path / "crash-1"
    path.write_bytes(plant.shows_on)
    assert 0 == replay.main(["lines", str(path)])
    assert "DELETED 9" in capsys.readouterr().out
    plant.plant(monkeypatch.setattr)
    with pytest.raises(KeyError):
        replay.main(["lines", str(path)])
    assert replay_command("lines", path).endswith(f" -m tests.fuzz.replay lines {path}")


def test_a_finding_is_reported_with_its_command_and_fails_the_campaign(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "log"
    log.write_bytes(
        b"#9 NEW    cov: 41 ft: 42 corp: 1/5b\n#12 NEW    cov: 43 ft: 50 corp: 2/9b\n"
        b"artifact_prefix='x/'; Test unit written to /x/crash-1\n"
        b"stat::number_of_executed_units: 12\n"
    )
    outcome = campaign._told(campaign._outcome("lines", 2.0, log, tmp_path))
    assert not outcome.ended_well
    assert (12, 43) == (outcome.executions, outcome.edges)
    assert "-m tests.fuzz.replay lines /x/crash-1" in capsys.readouterr().out


def test_a_fuzzer_that_never_ran_fails_the_campaign(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"ModuleNotFoundError: No module named 'atheris'\n")
    assert not campaign._told(campaign._outcome("lines", 2.0, log, tmp_path)).ended_well
    assert f"did not come to its end; see {log}" in capsys.readouterr().out


ATHERIS = """
import contextlib, sys

enabled_hooks = set()

@contextlib.contextmanager
def instrument_imports(**options):
    assert "str" in enabled_hooks and "hakeeper" in options["include"]
    assert not [name for name in sys.modules if name.startswith("hakeeper")]
    yield

def Setup(arguments, run, custom_mutator=None):
    assert arguments[1:] == ["-runs=1"]
    for seed in range(9):
        assert len(custom_mutator(b'{"a": 1}', 40, seed)) <= 40
    run(b"{}")

def Mutate(data, limit):
    return data[:limit]

def Fuzz():
    print("fuzzed")
"""


def test_the_engine_lets_atheris_see_hakeeper_being_imported(tmp_path: Path) -> None:
    """A stand-in for atheris, which is not there: imported before, nothing would be counted."""
    (tmp_path / "atheris.py").write_text(ATHERIS)
    result = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.engine", "state", "--plant", "any-text", "-runs=1"],
        env=os.environ | {"PYTHONPATH": f"{tmp_path}:{ROOT}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (0, "fuzzed\n", "") == (result.returncode, result.stdout, result.stderr)
