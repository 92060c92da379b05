"""keepalived's command line is read as getopt reads it, and gives the files that it uses."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from hakeeper.demo.lab import Lab
from hakeeper.demo.lab.keepalived import find_keepalived
from hakeeper.doctor.conf.options import Options, pid_files, read_options
from hakeeper.doctor.gather.commandline import options_of
from tests.support.server_facts import read

SCRIPT = """\
set -e
mount -t tmpfs tmpfs /run
ip netns add nx
for inside in '' 'ip netns exec nx'; do
    $inside ip link add d0 type veth peer name d1
    $inside ip link set d0 up
done
"$@" >/dev/null 2>&1 &
until [ "$(find /run -name '*.pid' | wc -l)" -ge 2 ]; do
    kill -0 $!
    sleep 0.02
done
find /run -name '*.pid'
kill $!
wait $! || true
"""
"""A machine of its own, on which keepalived is started; the pid files come out."""
CASES = [
    ("-f FILE", "FILE"),
    ("-fFILE", "FILE"),
    ("-nlDf FILE", "FILE"),
    ("-nlfFILE", "FILE"),
    ("-nl -D -f FILE -i one", "FILE"),
    ("--use-file FILE", "FILE"),
    ("--use-file=FILE", "FILE"),
    ("--use-f FILE", "FILE"),
    ("--us=FILE", "FILE"),
    ("-f /none/other -f FILE", "FILE"),
    ("word -f FILE more", "FILE"),
    ("-i -f FILE", None),
    ("--config-i -f -f FILE", "FILE"),
    ("-nli one -f FILE", "FILE"),
    ("-p /none/pid -f FILE -r /none/r", "FILE"),
    ("-M -f FILE", "FILE"),
    ("-Mf FILE", None),
    ("--core-dump-p -f FILE", "FILE"),
    ("-s nx -PBf FILE", "FILE"),
    ("-- -f FILE", None),
    ("-S 7 -u 022 -f FILE", "FILE"),
    ("--log-fac 7 --pi /none/pid --use-file FILE", "FILE"),
]


@pytest.mark.parametrize(("given", "file"), CASES)
def test_the_file_is_the_one_that_keepalived_looks_for(given: str, file: str | None) -> None:
    """A file that is not there is the first thing that keepalived tells."""
    program = find_keepalived()
    assert program is not None
    argv = given.replace("FILE", "/none/hakeeper.conf").split()
    done = subprocess.run(
        [program, "--dont-fork", "--log-console", "--config-test", *argv],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    looked_for = re.findall(
        r"(?:missing '|file '?)(/none/hakeeper\.conf)", done.stdout + done.stderr
    )
    wanted = "/none/hakeeper.conf" if file else None

    assert (wanted is not None) == bool(looked_for), done.stdout + done.stderr
    options = read_options([program, *argv])
    assert (wanted or Options().file) == options.file


def test_all_relevant_options_are_read_from_the_command_line() -> None:
    argv = ["keepalived", "-nlp", "/p", "-r/r", "--config-id=one", "--namesp", "nx", "--check"]

    assert Options(
        pid_file="/p", vrrp_pid_file="/r", config_id="one", namespace="nx", has_vrrp=False
    ) == read_options(argv)
    # Not one of these says anything: too short a name, no value, an empty one.
    assert Options() == read_options(["keepalived", "--n", "x", "--use-file=", "-", "-f"])


def test_a_running_process_tells_its_options_and_where_it_works(tmp_path: Path) -> None:
    code = "import sys; print('up', flush=True); sys.stdin.read()"
    argv = [sys.executable, "-c", code, "-nlf", "x/k.conf", "--config-i", "one"]
    pipe = subprocess.PIPE
    with subprocess.Popen(argv, stdin=pipe, stdout=pipe, cwd=tmp_path) as process:
        assert process.stdout is not None
        assert b"up\n" == process.stdout.readline()
        found = options_of(process.pid)
        process.communicate()

    assert found is not None
    # Python's own `-c CODE` is one of keepalived's options with a value, too.
    assert (f"{tmp_path}/x/k.conf", "one") == (found.file, found.config_id)
    assert options_of(2**22 + 1) is None


@pytest.mark.parametrize(
    ("head", "given"),
    [
        ("", ""),
        ("use_pid_dir\n", ""),
        ("instance X\n", ""),
        ("net_namespace nx\n", ""),
        ("instance X\nnet_namespace nx\ninstance Y\n", ""),
        ("use_pid_dir\n", "-s nx"),
        ("instance X\n", "-p /run/q.pid"),
        ("net_namespace nx\n", "-p /run/keepalived/q.pid -r /run/r.pid"),
        ("@web-a instance A\n@^web-a instance B\n", "-i web-a"),
        ("global_defs {\n use_pid_dir\n}\n", ""),
    ],
)
def test_the_pid_files_are_where_keepalived_has_them(head: str, given: str, tmp_path: Path) -> None:
    if (reason := Lab.available()) is not None:
        pytest.skip(f"keepalived cannot run here: {reason}")
    text = f"{head}vrrp_instance A {{\n interface d0\n virtual_router_id 5\n}}\n"
    path = tmp_path / "keepalived.conf"
    path.write_text(text)
    argv = ["keepalived", "-nlPf", str(path), *given.split()]
    options = read_options(argv)
    conf = read(text, options.config_id or "x")
    wanted = pid_files(options, conf)
    done = subprocess.run(
        ["unshare", "--net", "--mount", "sh", "-c", SCRIPT, "sh", *argv],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert done.returncode == 0, done.stderr
    assert {wanted.parent, wanted.vrrp} == set(done.stdout.split())
