"""HumanML3D and KIT-ML folders: samples by the authors' rules, and everything else by name."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from motion_agent.cli import app
from motion_agent.motion_core.datasets import PreparedDataset
from motion_agent.motion_core.errors import FormatError, InputError
from motion_agent.motion_core.published_data import (
    HUMANML3D,
    KIT_ML,
    Layout,
    PublishedDataset,
    read_sequences,
)

SAMPLES = Path(__file__).parent.parent.parent / "shared" / "data" / "humanml3d-sample"


def published(folder: Path, layout: Layout = HUMANML3D, **texts: str) -> Path:
    """A data set of motions of 60 frames whose numbers count up, all in the test split."""
    (folder / "new_joint_vecs").mkdir(parents=True)
    (folder / "texts").mkdir()
    np.save(folder / "Mean.npy", np.zeros(layout.features))
    np.save(folder / "Std.npy", np.ones(layout.features))
    for name, text in texts.items():
        frames = np.arange(60, dtype=np.float32)[:, None] + np.zeros((1, layout.features))
        np.save(folder / "new_joint_vecs" / f"{name}.npy", frames)
        (folder / "texts" / f"{name}.txt").write_text(text)
    (folder / "test.txt").write_text("\n".join(texts) + "\n")
    return folder


def test_captions_of_a_part_become_samples_of_their_own(tmp_path: Path) -> None:
    text = (
        "a man walks.#a/DET man/NOUN walk/VERB#0.0#0.0\n"
        "he turns#he/PRON turn/VERB#0.5#2.6\n"
        "someone strolls#someone/PRON stroll/VERB#nan#nan\n"
    )
    data = PublishedDataset(published(tmp_path, a=text))
    whole, part = data.split("test").samples
    assert [caption.text for caption in whole.captions] == ["a man walks.", "someone strolls"]
    assert whole.captions[0].words == "a man walk"
    assert (whole.id, whole.start, whole.length) == ("a", 0, 60)
    # 0.5 s to 2.6 s at 20 fps are the frames 10 to 51: 42 of them, 40 as a multiple of four.
    assert (part.id, part.motion, part.start, part.length) == ("a#2", "a", 10, 40)
    assert data.features(part)[[0, -1], 0].tolist() == [10.0, 49.0]
    assert data.features(part).dtype == np.float32


def test_kit_ml_is_read_at_its_own_rate_and_width(tmp_path: Path) -> None:
    text = "A person walks#a/DET#0.0#0.0\nthey stop#stop/VERB#1.0#3.0\n"
    data = PublishedDataset(published(tmp_path, KIT_ML, b=text))
    assert (data.layout.features, data.layout.fps, data.layout.joints) == (251, 12.5, 21)
    whole, part = data.split("test").samples
    assert data.features(whole).shape == (60, 251)
    assert (part.start, part.length) == (12, 24)  # 1 s to 3 s at 12.5 fps: frames 12 to 36


def test_what_is_missing_or_broken_is_named_and_counted(tmp_path: Path) -> None:
    good = "a man walks#a/DET#0.0#0.0\n"
    folder = published(tmp_path, good=good, cut=good, nan=good, wide=good, bare=good, odd=good)
    vectors = folder / "new_joint_vecs"
    (vectors / "cut.npy").write_bytes((vectors / "cut.npy").read_bytes()[:500])
    np.save(vectors / "nan.npy", np.full((60, 263), np.nan))
    np.save(vectors / "wide.npy", np.zeros((60, 251)))
    (folder / "texts" / "bare.txt").unlink()
    (folder / "texts" / "odd.txt").write_text("no tags\nhe waves#he/PRON#0.0#1.0\n" + good)
    np.save(vectors / "long.npy", np.zeros((200, 263)))
    np.save(vectors / "edge.npy", np.zeros((199, 263)))
    for name in ("long", "edge"):
        (folder / "texts" / f"{name}.txt").write_text(good)
    with (folder / "test.txt").open("a") as file:
        file.write("gone\nlong\nedge\n../good\n")
    found = PublishedDataset(folder).split("test")
    assert [(sample.id, sample.length) for sample in found.samples] == [
        ("good", 60),
        ("odd", 60),
        ("edge", 196),
    ]
    assert dict(found.left_out) == {
        "cut": "a damaged motion file",
        "nan": "NaN or infinity in the motion",
        "wide": "features of the shape (60, 251)",
        "bare": "no captions",
        "odd, line 1": "a damaged line of captions",
        "odd#2": "shorter than 40 frames",
        "gone": "no motion file",
        "long": "200 frames or more",
        "../good": "'../good' is no name of a motion",
    }
    assert sum(found.reasons.values()) == 9


def test_a_folder_that_is_none_and_a_missing_split_are_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no folder new_joint_vecs"):
        PublishedDataset(tmp_path)
    folder = published(tmp_path / "data", a="a man walks#a/DET#0.0#0.0\n")
    with pytest.raises(InputError, match=r"val\.txt: No such file"):
        PublishedDataset(folder).split("validation")
    np.save(folder / "Std.npy", np.ones(7))
    with pytest.raises(FormatError, match=r"\(263,\) and \(7,\)"):
        PublishedDataset(folder)
    (folder / "Mean.npy").unlink()
    with pytest.raises(InputError, match=r"Mean\.npy"):
        PublishedDataset(folder)


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="needs ../shared/data/humanml3d-sample")
def test_published_clips_are_read_as_they_are(tmp_path: Path) -> None:
    for part in ("new_joint_vecs", "Mean.npy", "Std.npy"):
        (tmp_path / part).symlink_to(SAMPLES / part)
    names = sorted(path.stem for path in (SAMPLES / "new_joint_vecs").glob("*.npy"))
    (tmp_path / "texts").mkdir()
    for name in names:
        (tmp_path / "texts" / f"{name}.txt").write_text("somebody moves#somebody/PRON#0.0#0.0\n")
    (tmp_path / "train.txt").write_text("\n".join(names))
    data = PublishedDataset(tmp_path)
    found = data.split("train")
    kept = {sample.motion: data.features(sample) for sample in found.samples}
    for name in names:
        real = np.load(SAMPLES / "new_joint_vecs" / f"{name}.npy")
        if 40 <= len(real) < 200:
            np.testing.assert_array_equal(kept[name], real[: len(real) // 4 * 4])
    assert len(kept) + len(found.left_out) == len(names)


def test_humanml3d_becomes_a_prepared_data_set(tmp_path: Path) -> None:
    line = "a man walks#a/DET#0.0#0.0\nhe turns#he/PRON#0.5#2.6\n"
    folder = published(tmp_path / "data", a=line, Ma=line, b=line)
    (folder / "train.txt").write_text("a\nMa\ngone\n")
    (folder / "test.txt").write_text("b\n")
    arguments = ["data", "import", str(folder), "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.stderr
    assert "6 clips of 3 motions" in result.stdout and "1 × no motion file: gone" in result.stdout
    data = PreparedDataset.load(tmp_path / "out")
    names = [clip.id for clip in data.split("train")]
    assert names == ["custom/a", "custom/a:2", "custom/a:mirrored", "custom/a:2:mirrored"]
    [whole, part] = data.split("test")
    assert data.features(part)[[0, -1], 0].tolist() == [10.0, 49.0]
    assert whole.length == 60 and whole.texts == ("a man walks",)
    assert {recording.group for recording in data.motions("train")} == {"a"}
    assert [clip.mirrored for clip in data.split("train")] == [False, False, True, True]
    assert data.mean[0] == pytest.approx(29.5)
    again = CliRunner().invoke(app, arguments)
    assert again.exit_code == 2 and "is there already" in again.stderr


def test_sequences_have_a_caption_and_a_length_for_each_part(tmp_path: Path) -> None:
    path = tmp_path / "sequences.json"
    path.write_text(
        json.dumps([{"id": 7, "text": ["walk", "sit", "wave"], "lengths": [60, 40, 50]}])
    )
    [sequence] = read_sequences(path)
    assert (sequence.id, sequence.joins) == ("7", (60, 100))
    path.write_text(json.dumps([{"text": ["walk"], "lengths": [60, 40]}]))
    with pytest.raises(FormatError, match="1 captions and 2 lengths"):
        read_sequences(path)
    path.write_text("[{")
    with pytest.raises(FormatError, match="no JSON"):
        read_sequences(path)
