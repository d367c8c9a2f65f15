"""CMU's trials with captions by people: synthetic files in the published layout."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from recordings import person

from motion_agent.motion_core.datasets import Caption, PreparedDataset
from motion_agent.motion_core.datasets.captions_only import read_wordings
from motion_agent.motion_core.datasets.cmu_mocap import action_of, find_cmu_mocap, read_cmu_mocap
from motion_agent.motion_core.datasets.prepare import prepare
from motion_agent.motion_core.errors import FormatError, InputError

TRIALS = (  # id, frames, description
    ("13_01", 90, "Walk, left turn"),
    ("13_02", 90, "Walk, left turn"),
    ("14_01", 300, "drinking soda, walk"),
    ("15_01", 60, "Story"),
)
CAPTIONS = (
    ("humanml3d", "13_01", 0, 90, False, "a person walks and raises the left arm."),
    ("humanml3d", "13_01", 0, 90, True, "a person walks and raises the right arm."),
    ("kit-ml", "13_01", 0, 90, False, "Somebody walks."),
    ("babel", "13_01", 20, 60, False, "A person turns."),
    ("humanml3d", "14_01", 100, 220, False, "someone drinks"),
    ("humanml3d", "14_01", 100, 220, False, "visit http://tickets.example now"),
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four walks of different lengths, 7 mm above their floor."""
    source = tmp_path / "source"
    source.mkdir()
    deltas, trials, start = [], [], 0
    for number, (name, frames, description) in enumerate(TRIALS):
        joints = person(frames, sway=0.2 + 0.2 * number)
        joints[..., 1] += 0.007
        millimetres = np.round(1000 * joints).astype(np.int16)
        deltas.append(np.diff(millimetres, axis=0, prepend=np.zeros((1, 22, 3), np.int16)))
        trials.append(
            {
                **{"id": name, "start": start, "frames": frames, "description": description},
                **{"subject": "Subject #13", "floor_mm": 7, "capture_hz": 120},
            }
        )
        start += frames
    names = ("source", "trial", "start", "end", "mirrored", "text")
    rows = [dict(zip(names, row, strict=True)) for row in CAPTIONS]
    np.save(source / "joints_delta_i16.npy", np.concatenate(deltas).astype(np.int16))
    (source / "trials.json").write_text(json.dumps(trials))
    (source / "captions.json").write_text(json.dumps(rows))
    return source


def test_joints_are_metres_above_their_floor(folder: Path) -> None:
    joints = read_cmu_mocap(folder / "joints_delta_i16.npy", (90, 180), floor_mm=7)
    expected = person(90, sway=0.4)
    expected[..., 1] -= 0.013  # CMU's toes are 1.3 cm further from the floor than ours
    np.testing.assert_allclose(joints, expected, atol=6e-4)


@pytest.mark.parametrize(("first", "toes"), [(0, 0.01), (45, 0.227)], ids=["low floor", "a step"])
def test_who_stands_on_one_level_throughout_stands_on_the_floor(
    tmp_path: Path, first: int, toes: float
) -> None:
    joints = person(90, sway=0.0, speed=0.0)
    joints[:, [10, 11], 1] = 0.12 + 0.02
    joints[first:, :, 1] += 0.1
    millimetres = np.round(1000 * joints).astype(np.int16)
    np.save(tmp_path / "j.npy", np.diff(millimetres, axis=0, prepend=np.zeros((1, 22, 3), "i2")))
    read = read_cmu_mocap(tmp_path / "j.npy", (0, 90), floor_mm=0)
    np.testing.assert_allclose(read[-1, [10, 11], 1], toes, atol=1e-9)


def test_parts_have_their_captions_and_long_trials_no_description(folder: Path) -> None:
    takes = {take.id.split("/")[1]: take for take in find_cmu_mocap(folder)}
    spans = {(span.start, span.end): span.captions for span in takes["13_01"].spans}
    assert [caption.source for caption in spans[0, 90]] == ["humanml3d", "kit-ml", "description"]
    assert spans[20, 60] == (Caption("A person turns.", "babel"),)
    assert [span.captions for span in takes["14_01"].spans] == [
        (Caption("someone drinks", "humanml3d"),)
    ]
    assert takes["15_01"].spans == ()  # "Story" says nothing of a motion
    assert takes["13_01"].twin == takes["13_02"].twin != takes["14_01"].twin


def test_a_data_set_has_recordings_and_clips_that_share_their_rows(
    folder: Path, tmp_path: Path
) -> None:
    prepare({"cmu-mocap": folder}, tmp_path / "out", workers=1, quiet=True)
    dataset = PreparedDataset.load(tmp_path / "out")
    assert len(dataset.recordings) == 8  # four trials, four mirror images
    assert "babel" not in dataset.description["captions"]  # not for a company's use
    assert dataset.description["captions"]["humanml3d"]["terms"] == "free"
    drink = next(clip for clip in dataset.clips if clip.texts == ("someone drinks",))
    whole = next(r for r in dataset.recordings if r.id == drink.recording)
    assert (drink.length, drink.start - whole.start) == (120, 99)
    np.testing.assert_array_equal(dataset.features(drink), dataset.features(whole)[99 : 99 + 120])
    mirrored = next(c for c in dataset.clips if c.mirrored and "13_01" in c.id)
    assert mirrored.texts[0] == "a person walks and raises the right arm."


def test_sources_of_captions_are_chosen(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    prepare({"cmu-mocap": folder}, out, captions=["babel"], workers=1, quiet=True)
    clips = [clip for clip in PreparedDataset.load(out).clips if not clip.mirrored]
    assert [clip.texts for clip in clips] == [("A person turns.",)]


def test_damaged_tables_are_named(folder: Path) -> None:
    (folder / "captions.json").write_text('[{"source": "kit-ml"}]')
    with pytest.raises(FormatError, match=r"damaged: KeyError"):
        list(find_cmu_mocap(folder))
    (folder / "trials.json").unlink()
    with pytest.raises(InputError, match=r"no .*trials\.json"):
        list(find_cmu_mocap(folder))


@pytest.mark.parametrize(
    ("text", "action"),
    [
        ("a person repeats it", None),  # no meal in "repeats"
        ("someone drinks, then walks", "drink"),
        ("doing jumping jacks and jumping", "jumping jacks"),
        ("RunTurnLeft", "run"),
        ("", None),
    ],
)
def test_actions_are_whole_words(text: str, action: str | None) -> None:
    assert action_of(text) == action


def test_wordings_leave_out_what_is_tested(folder: Path, tmp_path: Path) -> None:
    dataset = prepare({"cmu-mocap": folder}, tmp_path / "out", workers=1, quiet=True).dataset
    clip = dataset.clips[0]
    object.__setattr__(clip, "split", "test")
    dataset = PreparedDataset(
        dataset.clips, dataset.recordings, np.zeros((0, 263)), dataset.mean, dataset.std, {}
    )
    rows = [{"text": clip.texts[0].upper()}, {"text": " he  jumps "}, {"text": "he jumps"}]
    path = tmp_path / "captions.json"
    path.write_text(json.dumps(rows))
    assert read_wordings(path, dataset) == ["he jumps"]
    path.write_text("[1]")
    with pytest.raises(FormatError, match=r"captions\.json"):
        read_wordings(path, dataset)
