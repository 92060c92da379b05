"""Each recipe of conf/hooks is run for what it is for, against real sockets and real programs."""

import json
import os
import socketserver
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import pytest
from hcloud import Client
from hcloud.zones import Zone, ZoneRecord, ZoneRRSet

RECIPES = Path(__file__).parents[2] / "conf" / "hooks"
SECRET = "s3cretPartOfThisUrl"
MESSAGE = 'VI_1: claimed 203.0.113.10 in 82 ms, "ü" \\x1b'
HAPPENED = {
    "HAKEEPER_EVENT": "on_claimed",
    "HAKEEPER_INSTANCE": "VI_1",
    "HAKEEPER_ADDRESS": "203.0.113.10",
    "HAKEEPER_MESSAGE": MESSAGE,
    "HAKEEPER_ROLE": "",
    "HAKEEPER_SERVER": "web-a",
}


class Request(NamedTuple):
    path: str
    authorization: str
    body: Any


class _Handler(BaseHTTPRequestHandler):
    status: ClassVar[int]
    seen: ClassVar[list[Request]]

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        assert self.headers["Content-Type"] == "application/json"
        body = json.loads(self.rfile.read(length))
        self.seen.append(Request(self.path, self.headers.get("Authorization", ""), body))
        answer = {"error": {"code": "locked", "message": "being changed"}}
        if self.status < 400:
            times = {"started": "2026-01-01T00:00:00Z", "finished": None}
            action = {"id": 1, "command": "set_rrset_records", "status": "running", "progress": 0}
            answer = {"action": {**action, **times, "resources": [], "error": None}}  # type: ignore[dict-item]
        self.send_response(self.status)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode())

    def log_message(self, *_: object) -> None: ...


@contextmanager
def http_server(status: int = 201) -> Iterator[tuple[str, list[Request]]]:
    """A server that answers each POST so; its URL, and what it has got."""
    handler = type("Handler", (_Handler,), {"status": status, "seen": []})
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", handler.seen  # type: ignore[attr-defined]
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def credentials(tmp_path: Path) -> Path:
    folder = tmp_path / "credentials"
    folder.mkdir()
    return folder


def run(name: str, *words: str, credentials: Path | None = None) -> tuple[int, str]:
    """Run a recipe; return its exit code and what it has printed."""
    environment = {"PATH": os.environ["PATH"], **HAPPENED}
    if credentials is not None:
        environment["CREDENTIALS_DIRECTORY"] = str(credentials)
    done = subprocess.run(
        [str(RECIPES / name), *words], env=environment, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


def test_the_recipes_are_these_and_can_be_run() -> None:
    names = {"chat", "dns-record", "mail", "restart-service", "webhook"}
    assert names == {path.name for path in RECIPES.iterdir()}
    assert all(os.access(RECIPES / name, os.X_OK) for name in names)


# --- webhook and chat -----------------------------------------------------------------------------


def test_a_webhook_gets_all_that_is_known(credentials: Path) -> None:
    with http_server(204) as (url, seen):
        (credentials / "webhook-url").write_text(f"{url}/{SECRET}\n")
        assert run("webhook", credentials=credentials) == (0, "")
    (request,) = seen
    assert request.path == f"/{SECRET}"
    assert request.body == {
        "event": "on_claimed",
        "instance": "VI_1",
        "address": "203.0.113.10",
        "message": MESSAGE,
        "server": "web-a",
    }


def test_a_chat_gets_the_sentence_of_the_journal(credentials: Path) -> None:
    with http_server(200) as (url, seen):
        (credentials / "chat-url").write_text(f"{url}/{SECRET}\n")
        assert run("chat", credentials=credentials) == (0, "")
    assert seen == [Request(f"/{SECRET}", "", {"text": f"web-a: {MESSAGE}"})]


@pytest.mark.parametrize("name", ["webhook", "chat"])
def test_a_url_that_does_not_work_is_said_without_it(name: str, credentials: Path) -> None:
    file = credentials / f"{name}-url"
    with http_server(500) as (url, _):
        file.write_text(f"{url}/{SECRET}")
        code, refused = run(name, credentials=credentials)
        assert (code, "500" in refused) == (1, True)
    code, dead = run(name, credentials=credentials)
    assert (code, "refused" in dead) == (1, True)
    file.write_text(SECRET)
    code, no_url = run(name, credentials=credentials)
    assert (code, "holds no URL" in no_url) == (1, True)
    file.unlink()
    code, missing = run(name, credentials=credentials)
    assert (code, "No such file" in missing) == (1, True)
    code, none = run(name)
    assert (code, "LoadCredential=" in none) == (1, True)
    assert SECRET not in refused + dead + no_url


# --- mail -----------------------------------------------------------------------------------------


class _Smtp(socketserver.StreamRequestHandler):
    """Just enough of RFC 5321 for one mail."""

    mails: ClassVar[list[bytes]]

    def handle(self) -> None:
        self.wfile.write(b"220 here\r\n")
        for line in self.rfile:
            word = line[:4].upper()
            if word == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                self.mails.append(b"".join(iter(self.rfile.readline, b".\r\n")))
            self.wfile.write(b"221 bye\r\n" if word == b"QUIT" else b"250 good\r\n")


@contextmanager
def mail_server() -> Iterator[tuple[str, list[bytes]]]:
    handler = type("Handler", (_Smtp,), {"mails": []})
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_address[1]}", handler.mails  # type: ignore[attr-defined]
        finally:
            server.shutdown()
            thread.join()


def is_the_mail(raw: bytes) -> None:
    mail = message_from_bytes(raw, EmailMessage, policy=policy.default)
    assert (mail["To"], mail["From"]) == ("ops@example.com", "hakeeper@web-a")
    assert mail["Subject"] == "web-a on_claimed VI_1 203.0.113.10"
    lines = mail.get_content().splitlines()
    assert lines[:2] == [MESSAGE, ""]
    assert "HAKEEPER_INSTANCE=VI_1" in lines


def test_a_mail_goes_to_the_server_of_this_machine() -> None:
    with mail_server() as (at, mails):
        assert run("mail", "ops@example.com", "--server", at) == (0, "")
    (raw,) = mails
    is_the_mail(raw)


def test_a_mail_goes_through_a_program(tmp_path: Path) -> None:
    program = tmp_path / "sendmail"
    program.write_text('#!/bin/sh\ntest "$*" = -t && cat >"$(dirname "$0")/mail"\n')
    program.chmod(0o755)
    assert run("mail", "ops@example.com", "--through", str(program)) == (0, "")
    is_the_mail((tmp_path / "mail").read_bytes())
    program.write_text("#!/bin/sh\nexit 75\n")
    code, said = run("mail", "ops@example.com", "--through", str(program))
    assert (code, said.startswith("not sent: ")) == (1, True)


def test_no_mail_server_is_said() -> None:
    with mail_server() as (at, _):
        pass
    code, said = run("mail", "ops@example.com", "--server", at)
    assert (code, "Connection refused" in said) == (1, True)


# --- DNS ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["www", "@"])
def test_a_record_is_set_as_hetzners_own_library_does(name: str, credentials: Path) -> None:
    (credentials / "dns-token").write_text(f"{SECRET}\n")
    words = ("example.com", name, "A", "203.0.113.10")
    with http_server(201) as (url, seen):
        said = run("dns-record", *words, "--endpoint", url, credentials=credentials)
        assert said == (0, "")
        client = Client(token=SECRET, api_endpoint=url)
        rrset = ZoneRRSet(zone=Zone(name="example.com"), name=name, type="A")
        client.zones.set_rrset_records(rrset, [ZoneRecord(value="203.0.113.10")])
    ours, theirs = seen
    assert ours.path.replace("%40", "@") == theirs.path
    assert ours[1:] == theirs[1:]
    assert ours.authorization == f"Bearer {SECRET}"


def test_a_refused_record_is_said_with_the_reason(credentials: Path) -> None:
    (credentials / "dns-token").write_text(SECRET)
    words = ("example.com", "www", "A", "203.0.113.10")
    with http_server(423) as (url, _):
        code, said = run("dns-record", *words, "--endpoint", url, credentials=credentials)
    assert code == 1
    assert "423" in said
    assert "being changed" in said
    assert SECRET not in said
    (credentials / "dns-token").write_text("bad\ntoken")
    code, said = run("dns-record", *words, credentials=credentials)
    assert (code, "holds no token" in said) == (1, True)


# --- a service ------------------------------------------------------------------------------------


def test_a_service_without_a_name_is_refused() -> None:
    """That it restarts one is seen on a machine that has booted, in tests/package."""
    code, said = run("restart-service")
    assert (code, "which unit?" in said) == (2, True)
