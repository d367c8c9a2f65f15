"""Undo and redo over the motions of a conversation."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from motion_agent.motion_core.errors import InputError
from motion_agent.motion_core.history import MAX_MOTIONS, UNDO_DEPTH, History
from motion_agent.motion_core.timeline import Timeline

WALK = Timeline("walk").insert("a person walks")
BOW = Timeline("bow").insert("a person bows")


def test_undo_and_redo_walk_through_the_changes_of_all_motions() -> None:
    steps = [History()]
    steps.append(steps[-1].change("1", WALK))
    steps.append(steps[-1].change("2", BOW))
    steps.append(steps[-1].change("1", WALK.insert("a person waves")))
    history = steps[-1]
    for step in reversed(steps[:-1]):
        history = history.undo()
        assert (history.motions, history.current) == (step.motions, step.current)
    with pytest.raises(InputError, match="nothing to undo"):
        history.undo()
    for step in steps[1:]:
        history = history.redo()
        assert replace(history, future=()) == step
    with pytest.raises(InputError, match="nothing to redo"):
        history.redo()


def test_a_change_after_undo_ends_what_could_be_redone() -> None:
    history = History().change("1", WALK).undo().change("1", BOW)
    assert history.future == ()
    assert history.undo().timeline == Timeline()


def test_a_name_outlives_undo() -> None:
    history = History().change("1", WALK).change("1", WALK.insert("a person bows"))
    back = history.renamed("1", "greeting").undo()
    assert back.timeline == replace(WALK, name="greeting")


def test_only_so_many_changes_and_motions_are_kept() -> None:
    history = History()
    for number in range(1, MAX_MOTIONS + 3):
        history = history.change(str(number), WALK)
    assert list(history.motions) == [str(number) for number in range(3, MAX_MOTIONS + 3)]
    assert len(history.past) == UNDO_DEPTH


def test_a_history_is_the_same_after_json() -> None:
    history = History().change("1", WALK).change("2", BOW).undo()
    assert History.from_json(json.loads(json.dumps(history.to_json()))) == history
    assert History.from_json({}) == History()
