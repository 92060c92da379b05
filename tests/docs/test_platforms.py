"""The page about distributions: what it says of needrestart is what needrestart does with it."""

import json
import subprocess
from pathlib import Path

from tests.support.markdown import blocks

PAGE = (Path(__file__).parents[2] / "docs/platforms.md").read_text()
READ = """
use JSON::PP;
our %nrconf;
my $text = do { local $/; <STDIN> };
eval "$text; 1" or die $@;
my %of = map {
    my $name = $_;
    $name => [map { $nrconf{override_rc}{$_} } grep { $name =~ /$_/ } keys %{$nrconf{override_rc}}]
} ("keepalived.service", "hakeeper.service", "keepalived-exporter.service");
print encode_json(\\%of);
"""
"""As needrestart does it: the file is Perl, and the keys are patterns of units' names."""


def test_needrestart_leaves_keepalived_alone_and_nothing_else() -> None:
    [perl] = blocks(PAGE, "perl")
    done = subprocess.run(
        ["perl", "-we", READ], input=perl, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == {
        "keepalived.service": [0],
        "hakeeper.service": [],
        "keepalived-exporter.service": [],
    }
