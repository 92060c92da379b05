"""The login of Robot: where it is read from, what is wrong with it, and that nothing shows it."""

import base64
import pickle
from pathlib import Path

import pytest

from hakeeper import exits
from hakeeper.adapters.login import Login, read_login
from hakeeper.adapters.redaction import Redactor
from hakeeper.adapters.secret import SecretUnusable
from hakeeper.hide_secrets import HIDDEN

USER, PASSWORD = "#ws+hakeeper", "Zq7:colons:and/slashes"
LOGIN = f"{USER}:{PASSWORD}"
VARIABLE = "HAKEEPER_ROBOT_LOGIN"


def written(folder: Path, text: str | bytes, mode: int = 0o600, name: str = "login") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    path.chmod(mode)
    return path


def unusable(path: Path | None, **environ: str) -> SecretUnusable:
    with pytest.raises(SecretUnusable) as error:
        read_login(path, environ)
    assert "Zq7" not in str(error.value)
    return error.value


def test_the_file_comes_first_then_the_credential_then_the_variable(tmp_path: Path) -> None:
    written(tmp_path, f"credential:{PASSWORD}", name="robot-login")
    environ = {VARIABLE: f"variable:{PASSWORD}"}
    with_credential = {"CREDENTIALS_DIRECTORY": str(tmp_path), **environ}
    file = written(tmp_path, f"file:{PASSWORD}\n")
    found = [
        read_login(file, with_credential),
        read_login(None, with_credential),
        read_login(None, environ),
    ]
    users = [each.login.reveal().partition(":")[0] for each in found]
    assert ["file", "credential", "variable"] == users
    assert [
        f"file {file}",
        f"systemd credential {tmp_path}/robot-login",
        f"environment variable {VARIABLE}",
    ] == [str(each.source) for each in found]


def test_without_any_source_it_says_how_to_make_one() -> None:
    error = unusable(None)
    assert exits.BAD_CONFIG == error.exit_code
    for way in ("/etc/hakeeper/robot-login", "robot.credentials_file", "LoadCredential=", VARIABLE):
        assert way in str(error)


def test_an_empty_credential_names_the_file_that_the_service_reads(tmp_path: Path) -> None:
    written(tmp_path, "\n", name="robot-login")
    error = unusable(None, CREDENTIALS_DIRECTORY=str(tmp_path))
    assert "is empty" in str(error)
    assert "/etc/hakeeper/robot-login" in str(error)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "is empty"),
        ("Zq7user", "no colon"),
        (":Zq7", "no user"),
        ("user:", "no password"),
        ("user: Zq7", "white space"),
        ("user\nZq7", "several lines"),
        ("user:Zq7\nuser:Zq7", "several lines"),
        ("user:Zq7\x00", "character 9"),
        (b"user:Zq7\xff", "no UTF-8"),
        (f"{VARIABLE}=user:Zq7", "before the login"),
        ("u:" + "Zq7" * 2000, "larger than"),
    ],
)
def test_what_is_no_login_is_refused(tmp_path: Path, text: str | bytes, part: str) -> None:
    assert part in str(unusable(written(tmp_path, text)))


@pytest.mark.parametrize("mode", [0o604, 0o602, 0o644])
def test_a_file_that_every_user_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = written(tmp_path, LOGIN, mode)
    assert f"chmod o-rwx {path}" in str(unusable(path))


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    assert "cannot be read" in str(unusable(tmp_path / "nothing"))


def test_colons_belong_to_the_password_and_umlauts_are_utf_8(tmp_path: Path) -> None:
    login = read_login(written(tmp_path, "user:Zq7:ö:x-long"), {}).login
    assert "user:Zq7:ö:x-long" == base64.b64decode(login.basic).decode()


def test_a_password_too_short_to_be_hidden_is_told(tmp_path: Path) -> None:
    (warning,) = read_login(written(tmp_path, "user:Zq7"), {}).warnings
    assert "shorter than 8" in warning
    assert "Zq7" not in warning
    assert () == read_login(written(tmp_path, LOGIN), {}).warnings


def test_the_password_and_what_is_sent_of_it_are_hidden() -> None:
    redactor, login = Redactor(), Login(LOGIN)
    login.hide_in(redactor)
    for text in (f"tried {LOGIN} twice", f"Basic {login.basic}", f"sent {login.basic[8:]}"):
        hidden = redactor.text(text)
        assert "Zq7" not in hidden
        assert login.basic[8:20] not in hidden
        assert HIDDEN in hidden
    assert f"user {USER}" == redactor.text(f"user {USER}")


def test_nothing_shows_a_login() -> None:
    login = Login(LOGIN)
    assert f"Login({HIDDEN})" == repr(login) == f"{login}"
    with pytest.raises(TypeError):
        pickle.dumps(login)
