"""Kills at random moments; two hundred: ``python benchmarks/kills.py``."""

from __future__ import annotations

import os
import random
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "benchmarks"))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_what_was_told_before_a_kill_is_there_after_the_restart(tmp_path: Path) -> None:
    from kills import Count, kill_once, whole_conversation

    count, moments = Count(), random.Random(3)
    lasts = whole_conversation(tmp_path)
    for _ in range(5):
        kill_once(tmp_path, moments, count, longest=lasts)
    assert count.kills == 5
    assert count.lost == 0
    assert count.replies + count.unfinished + count.kept_untold > 0
