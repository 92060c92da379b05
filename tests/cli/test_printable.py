"""Names from outside do nothing to the terminal of whoever looks."""

import argparse
import json
import unicodedata
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hakeeper.adapters.cures import TROUBLES
from hakeeper.adapters.redaction import Redactor
from hakeeper.adapters.times import instant
from hakeeper.cli import check, status
from hakeeper.cli.check_online import as_text
from hakeeper.doctor.examination import judge
from hakeeper.printable import LIMIT, cure_lines, fitting, printable
from tests.support.server_facts import WEB, Case, listed

EVIL = "web\x1b[2J\x1b]0;owned\x07\r\nok       all: well\x9b31m\u202e\ud800"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        ("web-a (id 101): größer, 猫 …", "web-a (id 101): größer, 猫 …"),
        ("a\x1b[31mb", "a\\x1b[31mb"),
        ("a\nb\tc", "a\\nb\\tc"),
        ("\x9b\u202e\u2028\ufeff\ud800", "\\x9b\\u202e\\u2028\\ufeff\\ud800"),
        ("x" * LIMIT, "x" * LIMIT),
        ("x" * (LIMIT + 1), "x" * (LIMIT - 1) + "…"),
    ],
)
def test_control_characters_are_made_visible(text: str, shown: str) -> None:
    assert shown == printable(text)


@given(st.text(st.characters(), max_size=200))
def test_whatever_comes_is_seen_and_does_nothing(text: str) -> None:
    shown = printable(text)

    assert not [each for each in shown if unicodedata.category(each) in {"Cc", "Cs", "Zl", "Zp"}]
    assert shown.encode().decode() == shown


def is_fit(out: str) -> bool:
    """Say whether only line breaks of ours are in it, and nothing that pretends to be a line."""
    lines = out.split("\n")
    return all(line == printable(line) for line in lines) and not any(
        line.startswith("ok       all") for line in lines
    )


def test_the_names_of_the_api_are_shown_so_in_the_report() -> None:
    case = Case().with_server(name=EVIL).with_api(listed=listed(replace(WEB, name=EVIL)))
    text = as_text(judge(case.facts()))

    assert "\\x1b[2J" in text
    assert is_fit(text)


def test_a_configuration_is_shown_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HCLOUD_TOKEN", "x" * 64)
    path = tmp_path / "hakeeper.yaml"
    name = json.dumps(EVIL.replace("\ud800", ""))
    for text in (f"{{instances: {{{name}: {{floating_ips: [web]}}}}}}", f"{{{name}: 1}}"):
        path.write_text(text)
        args = argparse.Namespace(config=path, redactor=Redactor(), online=False, json=False)
        check.run(args)
        out, err = capsys.readouterr()
        assert "x1b" in out + err
        assert is_fit(out + err)


def test_the_status_is_shown_so(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    problem = {"health": "broken", "text": EVIL, "cure": f"do {EVIL}", "age_s": 1.0}
    role = {"kind": "GROUP", "name": EVIL, "role": "MASTER", "role_since": instant(0.0)}
    api = {
        **dict.fromkeys(("title", "state"), EVIL),
        **dict.fromkeys(("failing_since", "answered_at", "latency_s", "quota_left"), None),
    }
    document = {
        "health": "broken",
        "problems": [problem],
        "roles": [{**role, "reason": EVIL, "addresses": []}],
        **dict.fromkeys(("server_name", "fifo", "fifo_detail", "version", "config"), EVIL),
        **dict.fromkeys(("next_look_in_s", "keepalived_pid"), None),
        "apis": [api, api],
        "server_id": 7,
        "started": instant(0.0),
    }
    monkeypatch.setattr(status, "ask", lambda *_: document)
    status.run(argparse.Namespace(socket=Path("x"), json=False, watch=False, legend=False))
    out = capsys.readouterr().out

    assert out.count("\\x1b[2J") >= 5
    assert is_fit(out)


# --- sentences ---------------------------------------------------------------------------------


def test_a_sentence_is_broken_at_spaces_and_a_command_in_it_is_not() -> None:
    text = "paused until 10:30; `hakeeper resume` ends it\n\n    track_file /run/a-line-of-a-file"
    assert [
        "paused until 10:30;",
        "`hakeeper resume`",
        "ends it",
        "",
        "    track_file /run/a-line-of-a-file",
    ] == fitting(text, 20).split("\n")


@given(st.text(st.characters(), max_size=200), st.integers(1, 40))
def test_what_is_made_to_fit_loses_no_word(text: str, width: int) -> None:
    shown = printable(text)
    assert shown.split() == fitting(shown, width).split()


# --- cures -------------------------------------------------------------------------------------


def test_a_cure_that_fits_stays_as_it_is() -> None:
    assert ["do: a; b && c    # why"] == cure_lines("a; b && c    # why", "do: ", 40)


def test_a_long_cure_goes_on_where_a_shell_does_and_its_comment_stands_below() -> None:
    cure = (
        "mv /run/fifo /run/fifo.old && mkfifo /run/fifo; systemctl reload it    # or ask somebody"
    )
    assert [
        "do: mv /run/fifo /run/fifo.old &&",
        "    mkfifo /run/fifo;",
        "    systemctl reload it",
        "    # or ask somebody",
    ] == cure_lines(cure, "do: ", 35)


def test_a_sentence_is_wrapped_and_a_command_is_not() -> None:
    sentence = cure_lines("find what spends the calls, or raise the interval", "do: ", 30)
    assert ["do: find what spends the", "    calls, or raise the", "    interval"] == sentence
    by_hand = "by hand: Cloud Console, Floating IPs, assign web = 203.0.113.10 to web-a"
    assert [] == [line for line in cure_lines(by_hand, "do: ", 40) if len(line) > 40]
    command = "install -m 0600 /dev/stdin /etc/hakeeper/token"
    assert [f"do: {command}"] == cure_lines(command, "do: ", 30)


@pytest.mark.parametrize("code", TROUBLES)
def test_every_cure_of_the_table_fits_eighty_columns_and_loses_no_word(code: str) -> None:
    cure = TROUBLES[code].cure
    lines = cure_lines(cure, "    do:     ", 80)
    assert cure.split() == " ".join(lines).split()[1:]
    assert [] == [line for line in lines if len(line) > 80]
