"""`hakeeper status` imports nothing that only the daemon needs: it is asked often."""

from pathlib import Path

from hakeeper.adapters.status_words import VERDICT_CODES, VERDICT_TEXTS
from hakeeper.diagnosis.problems import Health
from tests.adapters.test_status import picture, troubled
from tests.support.imports import imported_by
from tests.support.status_daemon import StatusDaemon, plain


def test_neither_core_nor_kinds_nor_libraries(tmp_path: Path) -> None:
    daemon = StatusDaemon(tmp_path)
    daemon.status = plain(picture(troubled()))
    with daemon.running():
        found = imported_by("status", "--socket", str(daemon.path))
    assert daemon.asked == 1
    assert found == [
        "hakeeper",
        "hakeeper.adapters",
        "hakeeper.adapters.control_client",
        "hakeeper.adapters.control_codes",
        "hakeeper.adapters.control_rights",
        "hakeeper.adapters.paused_by",
        "hakeeper.adapters.redaction",
        "hakeeper.adapters.status_words",
        "hakeeper.adapters.step_down_texts",
        "hakeeper.adapters.times",
        "hakeeper.adapters.users",
        "hakeeper.cli",
        "hakeeper.cli.main",
        "hakeeper.cli.options",
        "hakeeper.cli.status",
        "hakeeper.cli.streams",
        "hakeeper.exits",
        "hakeeper.hide_secrets",
        "hakeeper.printable",
    ]


def test_the_words_and_codes_are_those_of_the_verdicts() -> None:
    assert {one.name.lower(): one.value for one in Health} == VERDICT_CODES
    assert list(VERDICT_TEXTS) == list(VERDICT_CODES)
