"""Config bytes: a configuration that PyYAML reads the same, or errors that are in the file."""

import re
from collections.abc import Iterator
from pathlib import Path
from random import Random

import yaml

from hakeeper.adapters.configfile import _decoded
from hakeeper.config import Config, ConfigErrors, parse
from hakeeper.config.text import LINE_BREAK
from hakeeper.core.core import Core
from hakeeper.core.model import VrrpKind
from hakeeper.core.observation import ResourceRef
from hakeeper.kinds import KINDS
from tests.fuzz.shapes import mistyped

CONF = Path(__file__).parents[2] / "conf"
_INVISIBLE = re.compile(r"invisible character U\+([0-9A-F]+)")
_ODD = (
    b"",
    b"# nothing\n",
    b"instances: {VI_1: {floating_ips: [web, 4711, '2001:db8::/64', 203.0.113.10]}}\n",
    b"groups:\n  'VG 1':\n    floating_ips:\n    - \"web\"\n    - 0x10\n    - 12:30\n",
    b"instances: &a {VI_1: *a}\n<<: {}\nserver: !!str x\n",
    b"server: 42\nserver: auto\n? [a]\n: b\n",
    b"hetzner: {endpoint: 'http://127.0.0.1:8080/v1/', timeout: 500ms, ca_file: ~}\n",
    b"reconcile:\n\tinterval: 5\n",
    b"reconcile: {interval: 1h, standby_interval: 2m}\r\nkeepalived: {fifo: x, state: dbuss}\r\n",
    b"\xff\xfei\x00",
    b"\xef\xbb\xbfserver: caf\xc3\xa9\n",
    b"server: \xff\n",
    b"a: |\n  b\n--- \nc",
    b'"\\UFFFFFFFF": "\\x00\\ud800"\n',
    b"%YAML 1.1\n---\na: >-\n  b\n...\n",
    b"token: " + b"Ab1" * 20 + b"Ab1C\n",
)


def seeds() -> Iterator[bytes]:
    """Give the examples that are shipped, and one of each kind of mistake."""
    yield from (path.read_bytes() for path in sorted(CONF.glob("*.yaml")))
    yield from _ODD


def run(data: bytes) -> None:
    """Read the bytes as the file `f.yaml`."""
    try:
        text = _decoded(data, "f.yaml")
    except ConfigErrors:
        return
    try:
        config = parse(text, "f.yaml")
    except ConfigErrors as errors:
        check_errors(errors, text)
    else:
        check_config(config)
        _compare(config, text)


def check_errors(errors: ConfigErrors, text: str) -> None:
    """Every error is one line of text, and its place is in the file."""
    assert errors.errors
    assert len(str(errors).split("\n")) == len(errors.errors) + bool(errors.left_out)
    lines = LINE_BREAK.split(text.removeprefix("\ufeff"))
    for error in errors.errors:
        assert str(error).isprintable(), repr(error)
        assert 1 <= error.line <= len(lines), (error, len(lines))
        line = lines[error.line - 1]
        assert 1 <= error.column <= len(line) + 1, error
        if found := _INVISIBLE.match(error.message):
            assert int(found[1], 16) == ord(line[error.column - 1])
        if error.message.startswith("this looks like an API token"):
            assert line[error.column - 1 :][:64].isalnum()


def check_config(config: Config) -> None:
    """A configuration keeps what its model promises, and the core can work from it."""
    assert [] == mistyped(config, Config)
    refs: list[ResourceRef] = [ref for some in config.resources.values() for ref in some]
    assert refs
    assert len(refs) == len(set(refs))
    assert all(config.resources.values())
    assert 1 <= config.interval_s <= config.standby_interval_s <= 3600
    assert 1 <= config.hetzner.timeout_s <= 60
    assert not config.hetzner.endpoint.endswith("/")
    assert config.keepalived.fifo.is_absolute()
    Core(config.settings(), KINDS, Random(1), 0.0)  # noqa: S311 - not for secrets


def _compare(config: Config, text: str) -> None:
    """PyYAML's own loader, with every value left as text, must find the same things."""
    plain = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506 - it makes texts only
    for kind, section in ((VrrpKind.INSTANCE, "instances"), (VrrpKind.GROUP, "groups")):
        theirs = {k: len(v["floating_ips"]) for k, v in (plain.get(section) or {}).items()}
        ours = {v.name: len(refs) for v, refs in config.resources.items() if v.kind is kind}
        assert theirs == ours
    assert str(plain.get("server", "auto")) == str(config.server)
    fifo = (plain.get("keepalived") or {}).get("fifo")
    assert fifo is None or Path(fifo) == config.keepalived.fifo
    endpoint = (plain.get("hetzner") or {}).get("endpoint")
    assert endpoint is None or endpoint.rstrip("/") == config.hetzner.endpoint
