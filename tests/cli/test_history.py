"""`hakeeper history` as a process, on histories as the daemon writes them."""

import csv
import json
import os
import subprocess
import sys
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hakeeper.adapters.history.file import older_of
from hakeeper.cli.history import COLUMNS
from hakeeper.cli.history_picture import LEGEND
from tests.support.kept_story import STORY, Line, as_kept, of, write
from tests.support.privileges import powerless

HAKEEPER = Path(sys.executable).with_name("hakeeper")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write(tmp_path / "history.jsonl", STORY)


def ask(
    path: Path, *words: str, prefix: Iterable[str] = (), **environ: str
) -> "subprocess.CompletedProcess[str]":
    environment = {"PATH": os.environ["PATH"], "TZ": "UTC", **environ}
    command = [*prefix, str(HAKEEPER), "history", "--file", str(path), *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def shown(path: Path, *words: str, **environ: str) -> str:
    done = ask(path, *words, **environ)
    assert (done.returncode, done.stderr) == (0, "")
    assert max(map(len, done.stdout.splitlines())) <= 80
    return done.stdout


def events(path: Path, *words: str, **environ: str) -> list[str]:
    done = ask(path, "--json", *words, **environ)
    assert (done.returncode, done.stderr) == (0, "")
    return [json.loads(line)["event"] for line in done.stdout.splitlines()]


# --- for people ------------------------------------------------------------------------------

TEXT = """\
2026-11-29
22:00:00  hakeeper  hakeeper 0.1.0 starts
22:00:00  VI_1      UNKNOWN to BACKUP: keepalived is backup (line BACKUP)
22:00:00  VI_2      UNKNOWN to FAULT: keepalived is in fault, or the instance
                    was removed (line FAULT)
22:20:00  VI_1      BACKUP to MASTER: keepalived became master (line MASTER)
22:20:01  VI_1      claimed 203.0.113.10 in 82 ms (sent 1 ms, accepted 41 ms,
                    action done 41 ms, confirmed 82 ms); cause: keepalived
                    became master (line MASTER)
22:30:00  API       the Hetzner API gave no usable answer for 3 min, until
                    22:33:20: reading the holders failed: no answer within 5 s
                    (deadline)
22:40:00  VI_1      203.0.113.10 was taken from this server, which is MASTER;
                    web-c (id 103) has it now
22:50:00  VI_1      assigning 203.0.113.10 to this server
22:50:01  VI_1      assigning 203.0.113.10 failed: locked (locked); reading the
                    holder
22:50:02  VI_1      claimed 203.0.113.10 in 2 s
2026-11-30
00:00:00  hakeeper  hakeeper stops; all addresses stay where they are

      2026-11-29 22:00                                          2026-11-30 00:30
VI_1  bbbbbbbbbbMMMMMMMMMMmmmmmMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMM...............
VI_2  fffffffffffffffffffffffffffffffffffffffffffffffffffffffffff...............
"""


def test_the_story_is_told_in_80_columns_with_a_picture(path: Path) -> None:
    told = shown(path, "--until", "2026-11-30 00:30")
    assert [*TEXT.splitlines(), *LEGEND] == told.splitlines()[:-1]
    assert told.endswith("\neach character: what lasted longest of 2 min\n")


def test_no_colour_ever(path: Path) -> None:
    assert "\x1b" not in shown(path)


def test_times_are_local(path: Path) -> None:
    told = shown(path, "--until", "2026-11-30 00:30", TZ="Europe/Berlin")
    assert told.startswith("2026-11-29\n23:00:00  hakeeper")
    assert "\n2026-11-30\n00:00:00" not in told  # 22:00 and 23:00 here
    assert "23:50:02  VI_1" in told


def test_a_run_that_ended_without_a_word_is_told(tmp_path: Path) -> None:
    path = write(tmp_path / "killed.jsonl", [STORY[0], STORY[1], STORY[0], STORY[-1], STORY[0]])
    told = " ".join(shown(path).split())
    assert told.count("its last run ended without a word") == 1


def test_an_outage_without_an_end_is_told_as_the_journal_told_it(tmp_path: Path) -> None:
    path = write(tmp_path / "outage.jsonl", STORY[6:7])
    assert "22:30:00  API  reading the holders failed: no answer within 5 s (deadline)\n" in shown(
        path
    )


def test_the_end_of_an_outage_stands_alone_where_its_beginning_is_not_asked_for(
    path: Path,
) -> None:
    told = shown(path, "--since", "2026-11-29 22:32", "--until", "2026-11-29 22:35")
    assert "22:33:20  API  the Hetzner API answers again after 200.0 s\n" in told


def test_names_from_outside_do_nothing_to_the_terminal(tmp_path: Path) -> None:
    evil = "\x1b[2J\x1b]0;owned\x07\u202e"
    line: Line = ("2026-11-29 22:00:00", "role.changed", f"{evil} is", of(evil, role="MASTER"))
    path = write(tmp_path / "evil.jsonl", [line])
    for how in ((), ("--json",), ("--csv",)):
        told = ask(path, *how).stdout
        assert not {"\x1b", "\x07", "\u202e"} & set(told)


# --- what is asked for --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "first", "count"),
    [
        ((), "daemon.started", 14),
        (("--since", "2026-11-30"), "daemon.stopped", 1),
        (("--since", "2026-11-29 22:40"), "address.drifted", 5),
        (("--since", "2026-11-29T23:40:00+01:00"), "address.drifted", 5),
        (("--until", "2026-11-29 22:20"), "daemon.started", 3),
        (("--since", "2026-11-29 22:20", "--until", "2026-11-29 22:30"), "role.changed", 3),
        (("--instance", "VI_2"), "role.changed", 1),
        (("--instance", "VI_1", "--last", "2"), "claim.failed", 2),
        (("--last", "99"), "daemon.started", 14),
    ],
)
def test_a_part_can_be_asked_for(
    path: Path, words: tuple[str, ...], first: str, count: int
) -> None:
    found = events(path, *words)
    assert (first, count) == (found[0], len(found))


def test_an_age_counts_back_from_now(tmp_path: Path) -> None:
    times = [datetime.now(UTC) - timedelta(hours=hours) for hours in (30, 3, 1)]
    story: list[Line] = [
        (f"{time:%Y-%m-%d %H:%M:%S}", f"a.{n}", "", {}) for n, time in enumerate(times)
    ]
    path = write(tmp_path / "ages.jsonl", story)
    assert ["a.2"] == events(path, "--since", "2h")
    assert ["a.0"] == events(path, "--until", "1d")
    assert ["a.2"] == events(path, "--since", "120m")
    assert ["a.1"] == events(path, "--since", "1d", "--until", "120min")


def test_the_older_file_comes_first_and_a_torn_line_is_counted(path: Path) -> None:
    write(older_of(path), [("2026-11-28 00:00:00", "role.changed", "VI_1: before", of())])
    with path.open("a") as file:
        file.write('{"v": 1, "time": "2026-11')
    done = ask(path, "--json")
    assert done.returncode == 0
    assert done.stderr == "1 line left out: torn, or of a newer hakeeper\n"
    assert json.loads(done.stdout.splitlines()[0])["message"] == "VI_1: before"


# --- for programs --------------------------------------------------------------------------------


def test_json_has_the_lines_as_they_were_kept(path: Path) -> None:
    lines = ask(path, "--json").stdout.splitlines()
    assert as_kept(STORY) == [json.loads(line) for line in lines]


def test_json_hands_on_what_a_newer_version_says_besides(tmp_path: Path) -> None:
    newer = as_kept([("2026-11-29 22:00:00", "newer.event", "pigs fly", {})])[0]
    newer |= {"v": 7, "more": [1]}
    path = tmp_path / "newer.jsonl"
    path.write_text(json.dumps(newer) + "\n")
    assert newer == json.loads(ask(path, "--json").stdout)
    assert "22:00:00  newer  pigs fly\n" in shown(path)


def test_csv_has_a_header_and_the_fields_in_their_columns(path: Path) -> None:
    rows = list(csv.DictReader(ask(path, "--csv").stdout.splitlines()))
    assert list(COLUMNS) == list(rows[0])
    assert len(STORY) == len(rows)
    claimed = rows[5]
    assert ("VI_1", "203.0.113.10", "82") == (
        claimed["instance"],
        claimed["address"],
        claimed["confirmed_ms"],
    )
    assert ("cloud", "200.0") == (rows[8]["api"], rows[8]["duration_s"])
    assert claimed["message"].startswith("VI_1: claimed 203.0.113.10 in 82 ms (sent 1 ms, ")


# --- what can be wrong ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--since", "yesterday"), "'yesterday' is neither an age such as 90s, 30m, 2h, 3d"),
        (("--until", "2026-13-01"), "'2026-13-01' is neither an age"),
        (("--since", "999999999w"), None),
        (("--last", "0"), "'0' is not a number from 1 on"),
        (("--last", "some"), "'some' is not a number from 1 on"),
        (("--json", "--csv"), "not allowed with argument"),
        (("--since", "1h", "--until", "2h"), "--since is not before --until: exchange them"),
    ],
)
def test_a_wrong_option_is_2_and_says_what_would_be_right(
    path: Path, words: tuple[str, ...], told: str | None
) -> None:
    done = ask(path, *words)
    if told is None:  # an age of millions of years: all of it
        assert (done.returncode, done.stderr) == (0, "")
    else:
        assert (2, "") == (done.returncode, done.stdout)
        assert told in done.stderr


def test_no_history_is_66(tmp_path: Path) -> None:
    done = ask(tmp_path / "none.jsonl")
    assert (66, "") == (done.returncode, done.stdout)
    assert done.stderr.startswith(f"{tmp_path}/none.jsonl: there is no history: hakeeper begins it")


def test_a_history_of_somebody_else_is_77(path: Path) -> None:
    path.chmod(0o000)
    done = ask(path, prefix=powerless())
    assert (77, "") == (done.returncode, done.stdout)
    assert (
        "permission denied: run this as root, or as a member of the group hakeeper" in done.stderr
    )


@pytest.mark.parametrize("kind", ["folder", "link"])
def test_something_else_is_71(tmp_path: Path, path: Path, kind: str) -> None:
    other = tmp_path / "link"
    if kind == "link":
        other.symlink_to(path)
    done = ask(other if kind == "link" else tmp_path)
    assert (71, "") == (done.returncode, done.stdout)
    assert "--file names the history itself" in done.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--instance", "VI_3"), "the history does not name instance 'VI_3'; it names VI_1, VI_2"),
        (("--until", "2026-11-01"), "nothing happened then; "),
        (("--instance", "VI_2", "--since", "2026-11-30"), "nothing happened then; "),
    ],
)
@pytest.mark.parametrize("how", [(), ("--json",), ("--csv",)])
def test_nothing_is_0_and_said(
    path: Path, words: tuple[str, ...], told: str, how: tuple[str, ...]
) -> None:
    done = ask(path, *words, *how)
    assert done.returncode == 0
    assert done.stderr.startswith(told)
    assert len(done.stdout.splitlines()) == (how == ("--csv",))


@pytest.mark.parametrize("file", ["", "/", "."])
def test_a_folder_without_a_name_is_a_folder(tmp_path: Path, file: str) -> None:
    done = ask(tmp_path, "--file", file)
    assert done.returncode == 71
    assert "is a directory: --file names the history itself" in done.stderr


def test_what_holds_no_line_of_ours_is_not_called_empty(tmp_path: Path) -> None:
    file = tmp_path / "other"
    file.write_bytes(bytes(range(256)))
    done = ask(file)
    assert done.returncode == 0
    assert "has no line that can be read: is it another --file?" in done.stderr
    assert "is empty" not in done.stderr


def test_an_empty_history_says_so(tmp_path: Path) -> None:
    path = write(tmp_path / "history.jsonl", [])
    assert ask(path).stderr == f"{path} is empty: hakeeper has not kept anything yet\n"


def test_the_file_is_by_default_in_the_state_folder(path: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "STATE_DIRECTORY": str(path.parent)}
    command = [str(HAKEEPER), "history", "--last", "1"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert "hakeeper stops; " in done.stdout


def test_reading_needs_nothing_of_the_daemon(path: Path) -> None:
    code = (
        "import sys; from hakeeper.cli.main import run_command;"
        f"run_command(['history', '--file', {str(path)!r}]);"
        "print([m for m in ('yaml', 'hcloud', 'requests', 'structlog') if m in sys.modules])"
    )
    words = [sys.executable, "-c", code]
    output = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    assert output.splitlines()[-1] == "[]"
