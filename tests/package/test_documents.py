"""What is installed to be read: every link and path in it is there, and nothing for makers."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.package.building import REPO, Build
from tests.package.test_pages import page

pytestmark = pytest.mark.timeout(900)  # the first one builds, beside whatever else runs
DOC = "usr/share/doc/hakeeper"
PAGES = sorted([*REPO.glob("docs/*.md"), *REPO.glob("docs/de/*.md")])
DOCUMENTS = ("README.md", *(str(page.relative_to(REPO)) for page in PAGES))
PICTURES = {f"docs/{path.name}" for end in ("svg", "png") for path in REPO.glob(f"docs/*.{end}")}
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_ELSEWHERE = re.compile(r"[a-z]+:")
_PATH = re.compile(r"(?<![\w./*])/(?:usr|etc|lib)/[\w./*-]*hakeeper[\w./*-]*")
# Not in the package: what the operator or systemd makes, or an installation without the package.
_MADE = re.compile(
    r"/etc/hakeeper/(?:hakeeper\.yaml|chat-url|robot-login|token|token\.cred|drill\.yaml)$"
    r"|/etc/keepalived/keepalived\.conf\.before-hakeeper-init\.1$"
    r"|/etc/apt/sources\.list\.d/hakeeper\.sources$"
    r"|/etc/polkit-1/rules\.d/50-hakeeper-hooks\.rules$"
    r"|/etc/systemd/system/keepalived\.service\.d/hakeeper-init\.conf$"
    r"|/etc/systemd/system/hakeeper\.service\.d$|/usr/local/"
)


def links(text: str) -> Iterator[str]:
    """The targets of all links but those that lead out of the machine."""
    return (one for one in _LINK.findall(text) if not _ELSEWHERE.match(one))


def anchors(text: str) -> set[str]:
    """The names of the headings, as links name them."""
    titles = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", one.lower()).replace(" ", "-") for one in titles}


def broken(folder: Path, name: str) -> list[str]:
    """The links of a document that lead nowhere."""
    text = (folder / name).read_text()
    wrong = []
    for link in links(text):
        target, _, anchor = link.partition("#")
        path = (folder / name).parent / target if target else folder / name
        if not path.exists() or (anchor and anchor not in anchors(path.read_text())):
            wrong.append(link)
    return wrong


def named_paths(text: str) -> set[str]:
    """Absolute paths in a text that the package should have."""
    found = {one.rstrip(".,:;/") for one in _PATH.findall(text)}
    return {one for one in found if not _MADE.match(one)}


def missing(build: Build, text: str) -> list[str]:
    """Of those the ones that it has not. What stands for many (`*`) must stand for some."""
    return sorted(one for one in named_paths(text) if not any(build.package.glob(one.lstrip("/"))))


def test_these_documents_are_installed_and_no_others(first: Build) -> None:
    folder = first.package / DOC
    found = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}

    assert found == {*DOCUMENTS, *PICTURES, "changelog.gz", "changelog.Debian.gz", "copyright"}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_link_of_an_installed_document_leads_somewhere(first: Build, name: str) -> None:
    assert broken(first.package / DOC, name) == []


@pytest.mark.parametrize(
    "name",
    [
        str(path.relative_to(REPO))
        for path in sorted(
            [*REPO.glob("*.md"), *(REPO / "docs").rglob("*.md"), *REPO.glob(".github/*.md")]
        )
    ],
)
def test_so_does_every_link_in_the_repository(name: str) -> None:
    assert broken(REPO, name) == []


def test_a_broken_link_would_be_found(tmp_path: Path) -> None:
    (tmp_path / "other.md").write_text("# One title\n")
    (tmp_path / "page.md").write_text("[a](other.md#one-title) [b](gone.md) [c](other.md#gone)\n")

    assert broken(tmp_path, "page.md") == ["gone.md", "other.md#gone"]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_path_in_an_installed_document_is_in_the_package(first: Build, name: str) -> None:
    assert missing(first, (first.package / DOC / name).read_text()) == []


@pytest.mark.parametrize("name", ["hakeeper.8", "hakeeper.yaml.5"])
def test_every_path_in_a_man_page_is_in_the_package(first: Build, name: str) -> None:
    assert missing(first, page(first, name)) == []


def test_a_path_that_is_not_there_would_be_found(first: Build) -> None:
    text = (
        "see /usr/share/hakeeper/examples, /usr/share/doc/hakeeper/none.md and /etc/hakeeper/token"
    )

    assert missing(first, text) == ["/usr/share/doc/hakeeper/none.md"]


def test_the_documents_name_paths_at_all(first: Build) -> None:
    folder = first.package / DOC
    named = set().union(*(named_paths((folder / name).read_text()) for name in DOCUMENTS))

    assert {
        "/usr/share/hakeeper/examples/keepalived/plain-web-a.conf",
        "/usr/bin/hakeeper",
    } <= named


def test_nothing_for_makers_is_installed(first: Build) -> None:
    for name in DOCUMENTS:
        text = (first.package / DOC / name).read_text()
        assert "makers -->" not in text
        for told in ("make test", "make e2e", "make deb", "tests/", "debian/"):
            assert told not in text, (name, told)


def test_the_examples_are_there_where_usr_share_doc_is_left_out(first: Build) -> None:
    examples = first.package / "usr/share/hakeeper/examples"
    here = sorted(path.relative_to(REPO / "conf") for path in (REPO / "conf").rglob("*.*")
                  if path.suffix in {".conf", ".j2", ".json", ".md", ".yaml", ".yml"})  # fmt: skip

    assert not (first.package / "usr/share/hakeeper").is_symlink()
    assert sorted(path.relative_to(examples) for path in examples.rglob("*.*")) == here
    assert (first.package / DOC / "examples").readlink() == Path("../../hakeeper/examples")


# --- the hint after `apt install` -----------------------------------------------------------------


def hint(build: Build) -> str:
    """The one line of postinst that an operator reads."""
    script = (build.package / "DEBIAN/postinst").read_text()
    (line,) = re.findall(r'^ *echo "(.*)"$', script, re.MULTILINE)
    return str(line)


def test_the_hint_names_what_there_is(first: Build) -> None:
    said = hint(first)

    assert said.startswith("hakeeper: next: ")
    assert "/usr/share/hakeeper/examples" in said
    assert missing(first, said) == []
    assert (first.package / "usr/share/man/man8/hakeeper.8.gz").is_file()


def test_the_guide_and_the_man_page_name_the_same_lines_of_keepalived(first: Build) -> None:
    guide = (REPO / "docs/install.md").read_text()
    shown = page(first, "hakeeper.8")
    lines = re.findall(r"^```\n(vrrp_notify_fifo .*)\n```$", guide, re.MULTILINE)
    lines += re.findall(r"^\| `(\w+)` \|", guide, re.MULTILINE)

    assert lines == [
        "vrrp_notify_fifo /run/hakeeper/notify.fifo hakeeper hakeeper",
        "enable_dbus",
        "vrrp_higher_prio_send_advert",
        "reload_check_config",
    ]
    for line in lines:
        assert line in shown
    assert f"```\n{lines[0]}\n```" in (REPO / "README.md").read_text()
