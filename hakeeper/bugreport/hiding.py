"""Takes the secrets out of what others wrote: configurations, journals, units.

Known secrets are hidden wherever they stand. Beside that, everything with the shape of a token, and
what stands where a secret belongs (`auth_pass`, credentials in units), is hidden.
"""

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import quote

from hakeeper.adapters import login, token
from hakeeper.adapters.bounded_read import NotAFileError, read_bounded
from hakeeper.adapters.redaction import KEPT_TOKENS, SHORTEST_TOKEN, Redactor
from hakeeper.adapters.secret import MAX_BYTES
from hakeeper.hide_secrets import HIDDEN, hide_secrets

SHORTEST_WORD: Final = 4
"""Anything shorter, such as an `auth_pass` of `1`, would match in every line."""
BLOCK_LINES: Final = 50
UNIT_CREDENTIALS: Final = Path("/run/credentials/hakeeper.service")

_VALUE: Final = r'("[^"\n]*"?|\'[^\'\n]*\'?|\S+)'
_AUTH_PASS: Final = re.compile(rf"(\bauth_pass\b[ \t]+){_VALUE}", re.IGNORECASE)
_PARAMETER: Final = re.compile(r"^([ \t]*\$\{?(\w+)\}?[ \t]*=[ \t]*)(\S.*)$", re.MULTILINE)
_REFERENCE: Final = re.compile(r"\$\{?(\w+)")
_PLACES: Final = (
    _AUTH_PASS,
    re.compile(rf"(\b(?:{token.VARIABLE}|{login.VARIABLE})(?:=|:[ \t]*)){_VALUE}"),
    re.compile(r"(\b(?:Set|Load)Credential(?:Encrypted)?=[^:\s]+:)([^/\s].*)"),
)
_NAMED: Final = re.compile(
    rf"(\b(?:pass(?:word|wd|phrase)?|secret|token|api_?key)\b[ \t]*[=: \t][ \t]*){_VALUE}",
    re.IGNORECASE,
)
_FILES: Final = re.compile(r"\b(?:token_file|credentials_file)\s*:\s*[\"']?([^\s\"'#,}]+)")
_COMMENT: Final = "[comment left out]"


class Hider:
    """Knows secrets, and hides them."""

    def __init__(self) -> None:
        self._redactors: list[Redactor] = []
        self._long: set[str] = set()
        self._short: set[str] = set()
        self._parameters: set[str] = set()
        """Names of keepalived's parameters (`$NAME = value`) that an `auth_pass` is made of."""

    def add(self, secret: str) -> None:
        """Hide this one from now on, if it is not too short to be told from other text.

        Also as JSON and addresses write it.
        """
        plain = secret.strip()
        for written in dict.fromkeys((plain, json.dumps(plain)[1:-1], quote(plain, safe=""))):
            self._add(written)

    def _add(self, secret: str) -> None:
        if len(secret) >= SHORTEST_TOKEN and secret not in self._long:
            if len(self._long) % KEPT_TOKENS == 0:  # a redactor forgets what is more
                self._redactors.append(Redactor())
            self._long.add(secret)
            self._redactors[-1].add(secret)
        elif SHORTEST_WORD <= len(secret) < SHORTEST_TOKEN:
            self._short.add(secret)

    def add_keepalived(self, text: str) -> None:
        """Hide each `auth_pass` of this text, which is that of all files of keepalived's."""
        for found in _AUTH_PASS.finditer(text):
            names = _REFERENCE.findall(found[2])
            self._parameters.update(names)
            if not names:
                self.add(found[2].strip("\"'"))
        for found in _PARAMETER.finditer(text):
            if found[2] in self._parameters:
                self.add(found[3].strip().strip("\"'"))

    def text(self, text: str) -> str:
        """Return the text of a program, a journal or a file of hakeeper's without secrets."""
        for place in _PLACES:
            text = place.sub(rf"\1{HIDDEN}", text)
        for redactor in self._redactors or [Redactor()]:
            text = "".join(map(redactor.text, _blocks(text)))
        for word in sorted(self._short, key=len, reverse=True):
            text = text.replace(word, HIDDEN)
        return text

    def configuration(self, text: str, comments: str) -> str:
        """Return a configuration file without secrets and comments, which may hold any.

        `comments`: the characters that begin one.
        """
        begin = re.compile(rf"(^|(?<=\s))[{re.escape(comments)}].*$", re.MULTILINE)
        text = begin.sub(f"{comments[0]} {_COMMENT}", text)
        text = _PARAMETER.sub(self._parameter, text)
        return hide_secrets(_NAMED.sub(rf"\1{HIDDEN}", self.text(text)))

    def _parameter(self, found: "re.Match[str]") -> str:
        return f"{found[1]}{HIDDEN if found[2] in self._parameters else found[3]}"


def _blocks(text: str) -> Iterator[str]:
    """Give a text in blocks of lines: only one that has a secret takes the redactor long."""
    lines = text.splitlines(keepends=True)
    for at in range(0, len(lines), BLOCK_LINES):
        yield "".join(lines[at : at + BLOCK_LINES])


def secrets_of(text: str) -> Iterator[str]:
    """Give all that must not be shown of a file with a token or a login."""
    for line in text.splitlines():
        whole = line.strip()
        yield whole
        _, colon, password = whole.partition(":")
        if colon:
            yield password
            yield login.basic_of(whole)


def secret_files(config_text: str, environ: Mapping[str, str]) -> Iterator[Path]:
    """Give where secrets may be; the configuration need not be valid."""
    for name in _FILES.findall(config_text):
        yield Path(name)
    for places in (token.PLACES, login.PLACES):
        yield places.service_file
        yield UNIT_CREDENTIALS / places.credential
        if folder := environ.get("CREDENTIALS_DIRECTORY"):
            yield Path(folder, places.credential)


def learn_secrets(
    hider: Hider, config_text: str, environ: Mapping[str, str], more: Iterable[Path] = ()
) -> list[str]:
    """Have every secret hidden that is found; return which could not be read, with the reason."""
    for variable in (token.VARIABLE, login.VARIABLE):
        for secret in secrets_of(environ.get(variable, "")):
            hider.add(secret)
    unread = []
    for path in dict.fromkeys([*secret_files(config_text, environ), *more]):
        try:
            data = read_bounded(path, MAX_BYTES).data
        except FileNotFoundError:
            continue
        except NotAFileError as error:
            unread.append(f"{path} {error}")
        except OSError as error:
            unread.append(f"{path}: {os.strerror(error.errno or 0)}")
        else:
            for secret in secrets_of(data.decode("utf-8", "replace")):
                hider.add(secret)
    return unread
