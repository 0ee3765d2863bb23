"""What the document on hostile input says about its tests."""

import re

from tests.conftest import ROOT
from tests.defences import DEFENCES

DOCUMENT = (ROOT / "docs/hostile-input.md").read_text(encoding="utf-8")


def test_every_test_it_names_exists():
    tests = [*(ROOT / "tests").rglob("test_*.py")]
    known = " ".join(path.name + path.read_text(encoding="utf-8") for path in tests)
    named = re.findall(r"`(test_\w+)", DOCUMENT)
    assert named
    assert [name for name in named if name not in known] == []


def test_it_counts_the_defences_that_are_taken_away():
    assert f"takes {len(DEFENCES)} pieces" in DOCUMENT
    for defence in DEFENCES:
        code = (ROOT / defence.file).read_text(encoding="utf-8")
        assert code.count(defence.code) == 1, defence.name
