"""What a machine says of itself."""

from pathlib import Path

import pytest

from hakeeper.adapters.identity import METADATA_URL, Candidate, LocalIdentity, Miss
from hakeeper.demo.cloud import SimCloud
from tests.support.http_server import Behaviour, Peer, RawServer, Seen, always, drip, hang, http

NOWHERE = "http://127.0.0.1:1/hetzner/v1/metadata"


@pytest.fixture
def dmi(tmp_path: Path) -> Path:
    folder = tmp_path / "dmi"
    folder.mkdir()
    (folder / "sys_vendor").write_text("Hetzner\n")
    (folder / "product_serial").write_text("4242\n")
    return folder


def first(identity: LocalIdentity, limit_s: float = 5) -> Candidate | None:
    """Return the first candidate."""
    found = (entry for entry in identity.candidates(limit_s) if isinstance(entry, Candidate))
    return next(found, None)


def reason(identity: LocalIdentity, source: str, limit_s: float = 5) -> str:
    """Return why a source could not say."""
    for entry in identity.candidates(limit_s):
        if isinstance(entry, Miss) and source in entry.source:
            return entry.reason
    raise AssertionError(f"{source} did not fail")


def test_the_credential_comes_first(tmp_path: Path, dmi: Path) -> None:
    (tmp_path / "server-id").write_text(" 77\n")
    identity = LocalIdentity(credentials_dir=tmp_path, dmi_dir=dmi, metadata_url=NOWHERE)
    assert Candidate(77, "systemd credential server-id") == first(identity)


def test_the_dmi_serial_comes_next_and_the_metadata_service_is_not_asked(dmi: Path) -> None:
    with RawServer(always(http(200, b"9"))) as server:
        identity = LocalIdentity(dmi_dir=dmi, metadata_url=server.url)
        assert Candidate(4242, "DMI serial number") == first(identity)
        assert server.accepted == 0


def test_a_dmi_of_another_vendor_is_not_believed(dmi: Path) -> None:
    (dmi / "sys_vendor").write_text("QEMU\n")
    identity = LocalIdentity(dmi_dir=dmi, metadata_url=NOWHERE)
    assert "'QEMU'" in reason(identity, "DMI")
    assert first(identity) is None


def test_a_serial_that_may_not_be_read_is_a_miss_and_no_error(
    dmi: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Path.open

    def denied(self: Path, *args: object, **kw: object) -> object:
        if self.name == "product_serial":
            raise PermissionError(13, "Permission denied")  # root, as here, may read all
        return real(self, *args, **kw)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", denied)
    identity = LocalIdentity(dmi_dir=dmi, metadata_url=NOWHERE)
    assert "may not be read by this user" in reason(identity, "DMI")


@pytest.mark.parametrize("text", ["", "web1", "-3", "0", "12.5", "9" * 17, "٣", "1 2", "\x00"])
def test_an_invalid_id_is_a_miss(text: str, tmp_path: Path) -> None:
    (tmp_path / "server-id").write_text(text)
    identity = LocalIdentity(credentials_dir=tmp_path, dmi_dir=tmp_path, metadata_url=NOWHERE)
    assert "is not a server id" in reason(identity, "credential")


def test_a_credential_that_is_a_folder_is_a_miss(tmp_path: Path) -> None:
    (tmp_path / "server-id").mkdir()
    identity = LocalIdentity(credentials_dir=tmp_path, dmi_dir=tmp_path, metadata_url=NOWHERE)
    assert "cannot be read" in reason(identity, "credential")


def test_the_metadata_service_says_which_server_it_is(tmp_path: Path) -> None:
    with SimCloud() as cloud:
        server = cloud.add_server("web1")
        identity = LocalIdentity(dmi_dir=tmp_path, metadata_url=cloud.metadata_url(server))
        assert Candidate(server, "metadata service") == first(identity)


def test_proxies_of_the_environment_do_not_see_the_metadata_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with RawServer(always(http(200, b"666"))) as proxy, RawServer(always(http(200, b"9"))) as right:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        identity = LocalIdentity(dmi_dir=tmp_path, metadata_url=right.url)
        assert Candidate(9, "metadata service") == first(identity)
        assert proxy.accepted == 0


def _endless(peer: Peer, _seen: Seen) -> None:
    while not peer.server.stopping.is_set():
        peer.sock.sendall(b"HTTP/1.1 200 OK\r\n\r\n" + b"9" * 65536)


@pytest.mark.parametrize(
    ("behave", "words"),
    [
        pytest.param(hang, "timed out", id="hangs"),
        pytest.param(drip(http(200, b"4" * 100)), "timed out", id="drips"),
        pytest.param(_endless, "bytes", id="does not stop"),
        pytest.param(always(http(404, b"9", {"Connection": "close"})), "404", id="not there"),
        pytest.param(lambda p, _s: p.sock.sendall(b"9\r\n"), "9", id="not HTTP"),
        pytest.param(lambda _p, _s: None, "", id="says nothing"),
    ],
)
def test_a_metadata_service_in_trouble_is_a_miss(
    behave: Behaviour, words: str, tmp_path: Path
) -> None:
    with RawServer(behave) as server:
        identity = LocalIdentity(dmi_dir=tmp_path, metadata_url=server.url)
        assert words in reason(identity, "metadata", 0.4)


def test_a_metadata_service_that_refuses_or_has_a_strange_url_is_a_miss(tmp_path: Path) -> None:
    for url in (NOWHERE, "https://127.0.0.1/", "nonsense", "http://[::1"):
        assert reason(LocalIdentity(dmi_dir=tmp_path, metadata_url=url), "metadata", 1)


def test_the_environment_names_the_credentials_and_may_move_the_metadata_service() -> None:
    plain = LocalIdentity.from_environment({})
    assert (plain.credentials_dir, plain.metadata_url) == (None, METADATA_URL)
    moved = LocalIdentity.from_environment(
        {"CREDENTIALS_DIRECTORY": "/run/credentials/x", "HAKEEPER_METADATA_URL": NOWHERE}
    )
    assert (moved.credentials_dir, moved.metadata_url) == (Path("/run/credentials/x"), NOWHERE)
