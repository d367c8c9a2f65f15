"""A prepared data set from small files of our own making, and from the real ones where they are."""

import io
import json
import os
import tarfile
from pathlib import Path

import numpy as np
import pytest
from humanml3d_reference import reference_features
from recordings import person
from samples.make_samples import TREE, UNIT, acclaim, bvh
from samples.make_samples import joints as walk

from motion_agent.motion_core.datasets import Caption, Clip, PreparedDataset, Recording
from motion_agent.motion_core.datasets.archives import opened
from motion_agent.motion_core.datasets.cutting import windows
from motion_agent.motion_core.datasets.feet import PITCH, level_feet
from motion_agent.motion_core.datasets.prepare import prepare
from motion_agent.motion_core.datasets.prepared import SPLITS
from motion_agent.motion_core.datasets.sources import find_takes
from motion_agent.motion_core.datasets.split import (
    NEAR_DUPLICATE,
    assign_splits,
    descriptor,
    distances,
    near_duplicates,
)
from motion_agent.motion_core.errors import FormatError, InputError, UnavailableError

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared" / "data"
PREPARED = ROOT / "data" / "prepared"


@pytest.fixture
def mocap(tmp_path):
    """A folder of our own motion capture: ten walks, two waves, a short and a broken file."""
    folder = tmp_path / "mocap"
    folder.mkdir()
    rows = ["file,action,style,caption,actor"]
    for number in range(10):
        np.save(
            folder / f"walk{number}.npy",
            person(60, sway=0.05 + 0.03 * number, speed=0.02 + 0.02 * number),
        )
        rows.append(f"walk{number}.npy,walk,tired,,ann")
    np.save(folder / "long.npy", person(500, speed=0.03))
    np.save(folder / "short.npy", person(8))
    (folder / "broken.npy").write_bytes(b"no numbers")
    rows += [
        "long.npy,walk,,,",
        "short.npy,walk,,,",
        "broken.npy,walk,,,",
        "walk3.npy,glide left,,a person glides to the left,",
    ]
    (folder / "labels.csv").write_text("\n".join(rows[:-1]) + "\n")
    return folder


def test_a_folder_of_ones_own_motion_capture(mocap, tmp_path):
    report = prepare({"custom": mocap}, tmp_path / "out", workers=1, quiet=True)
    dataset = PreparedDataset.load(tmp_path / "out")

    assert [name for name, _ in report.left_out] == ["custom/short"]
    assert [name for name, _ in report.unreadable] == ["custom/broken"]
    assert len(dataset) == 2 * (10 + 3)  # the long one in three windows; all mirrored
    assert {clip.length for clip in dataset.clips} <= {58, 166, 165}
    assert {clip.label for clip in dataset.clips} == {"walk", "walk|tired"}
    assert len(dataset.split("test")) == 2  # one take of eleven, and its mirror image
    for clip in dataset.clips:
        features = dataset.features(clip)
        assert features.shape == (clip.length, 263) and features.dtype == np.float32
        assert np.isfinite(features).all()
        assert len(clip.texts) == len(set(clip.texts)) == 20
        assert {caption.source for caption in clip.captions} == {"labels"}
    assert sum(dataset.weights("train")) == pytest.approx(1)


def test_mirrored_clips_swap_sides_in_motion_and_text(mocap, tmp_path):
    labels = mocap / "labels.csv"
    labels.write_text("file,action,caption\nwalk3.npy,glide left,a person glides to the left\n")
    prepare({"custom": mocap}, tmp_path / "out", workers=1, quiet=True)
    dataset = PreparedDataset.load(tmp_path / "out")
    straight, mirrored = dataset.clips
    assert (straight.texts, mirrored.texts) == (
        ("a person glides to the left",),
        ("a person glides to the right",),
    )
    assert (straight.action, mirrored.action) == ("glide left", "glide right")
    left = dataset.features(straight)[:, 4:67].reshape(-1, 21, 3)[:, 19]  # left wrist
    right = dataset.features(mirrored)[:, 4:67].reshape(-1, 21, 3)[:, 20]
    # The standard skeleton is not symmetric, so neither are the two motions.
    np.testing.assert_allclose(left * [-1, 1, 1], right, atol=0.02)


def test_several_captions_of_a_file_and_captions_of_its_parts(mocap, tmp_path):
    rows = [
        "file,action,caption,start,end",
        "long.npy,juggle,a person juggles,,",
        "long.npy,juggle,someone throws balls,,",
        "long.npy,juggle,a ball falls,2.5,10",
    ]
    (mocap / "labels.csv").write_text("\n".join(rows) + "\n")
    dataset = prepare({"custom": mocap}, tmp_path / "out", workers=1, quiet=True).dataset
    part, whole, *_ = dataset.clips
    assert (part.texts, part.start, part.length) == (("a ball falls",), 49, 150)
    assert whole.texts == ("a person juggles", "someone throws balls")
    assert len(dataset.recordings) == 2


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("walk1.npy,juggle,x,5,2", "start '5' and end '2'"),
        ("walk1.npy,juggle,x,0,nan", "end 'nan'"),
        ("walk1.npy,walk,,0,2", "a part needs a caption"),
        ("walk1.npy,juggle,,,", "'juggle' has no wordings"),
    ],
)
def test_wrong_rows_of_the_table_are_named(mocap, tmp_path, row, words):
    (mocap / "labels.csv").write_text(f"file,action,caption,start,end\n{row}\n")
    with pytest.raises(InputError, match=rf"line 2 of labels.csv.*{words}"):
        prepare({"custom": mocap}, tmp_path / "out", workers=1, quiet=True)


def test_feet_that_point_down_are_levelled():
    joints = person(4)
    for ankle, toe in ((7, 10), (8, 11)):
        joints[:, toe] = joints[:, ankle] + [0.02, -0.098, 0.107]  # 42° down
    levelled = level_feet(joints, 23.0)
    for ankle, toe in ((7, 10), (8, 11)):
        foot = levelled[:, toe] - levelled[:, ankle]
        pitch = np.degrees(np.arcsin(-foot[:, 1] / np.linalg.norm(foot, axis=1)))
        np.testing.assert_allclose(pitch, 19, atol=1)
        np.testing.assert_allclose(np.linalg.norm(foot, axis=1), 0.1465, atol=1e-3)
    np.testing.assert_array_equal(levelled[:, :10], joints[:, :10])


def test_statistics_are_those_of_the_training_clips_and_never_zero(mocap, tmp_path):
    dataset = prepare({"custom": mocap}, tmp_path / "out", workers=1, quiet=True).dataset
    train = np.concatenate([dataset.features(motion) for motion in dataset.motions("train")])
    np.testing.assert_allclose(dataset.mean, train.mean(0), atol=1e-4)
    for first, last in ((1, 3), (4, 67), (67, 193), (193, 259), (259, 263)):
        shared = train[:, first:last].std(0).mean()
        expected = shared if shared > 1e-6 else 1.0
        np.testing.assert_allclose(dataset.std[first:last], expected, rtol=1e-2)
    assert (dataset.std > 0).all()


def test_a_second_source_is_added_and_a_first_one_replaced(mocap, tmp_path):
    out = tmp_path / "out"
    prepare({"custom": mocap}, out, workers=1, quiet=True)
    before = PreparedDataset.load(out)
    for name in ("clips.jsonl", "recordings.jsonl"):  # as if they had come from another source
        table = out / name
        text = table.read_text().replace('"source": "custom"}', '"source": "labels"}')
        text = text.replace('"source": "custom"', '"source": "hdm05"')
        table.write_text(text.replace('"custom/', '"hdm05/'))
    labels = mocap / "labels.csv"
    labels.write_text("file,action\nwalk1.npy,run\n")
    prepare({"custom": mocap}, out, workers=1, quiet=True)
    after = PreparedDataset.load(out)
    assert len(after) == len(before) + 2
    for old, new in zip(before.clips, after.clips, strict=False):
        assert old.id.split("/")[1] == new.id.split("/")[1] and old.captions == new.captions
        np.testing.assert_array_equal(before.features(old), after.features(new))
    prepare({"custom": mocap}, out, workers=1, quiet=True)
    assert [clip.id for clip in PreparedDataset.load(out).clips] == [c.id for c in after.clips]


def test_windows_cover_the_take_and_crops_its_middle():
    assert windows(200, "cut") == [(0, 200)]
    assert windows(401, "cut") == [(0, 133), (133, 267), (267, 401)]
    assert windows(260, "crop") == [(30, 230)]


def test_near_duplicates_end_on_one_side():
    rng = np.random.default_rng(0)
    shift = np.zeros(263, np.float32)
    shift[4:67] = 0.005  # every joint 9 mm away
    features = {}
    recordings = []
    for number in range(40):
        values = rng.normal(0, 0.2, (50, 263)).astype(np.float32)
        values[:, :3] = 0  # stands in place
        for copy in ("a", "b"):
            name = f"s/take{number}{copy}"
            features[name] = values + shift * (copy == "b")
            recordings.append(Recording(name, "s", "walk", name, False, "train", 0, 50))
    groups = near_duplicates(recordings, lambda motion: features[motion.id])
    splits = assign_splits([clip_of(motion.id, "walk", None) for motion in recordings], groups)
    assert len(set(groups.values())) == 40
    assert all(splits[f"s/take{n}a"] == splits[f"s/take{n}b"] for n in range(40))
    assert sum(side == "test" for side in splits.values()) == 8


def test_the_split_does_not_depend_on_order_and_keeps_rare_actions_for_training():
    clips = [clip_of(f"w{n}", "walk", ("old", "sad", None)[n % 3]) for n in range(60)]
    clips += [clip_of("c1", "call out", None), clip_of("c2", "call out", None)]
    alone = {clip.id: clip.id for clip in clips}
    splits = assign_splits(clips, alone)
    assert splits == assign_splits(clips[::-1], alone)
    assert splits["c1"] == splits["c2"] == "train"
    tested = [clip.style for clip in clips if splits[clip.id] == "test"]
    assert sorted(map(str, tested)) == ["None", "None", "old", "old", "sad", "sad"]
    assert sum(side == "validation" for side in splits.values()) == 3


def test_twins_and_takes_without_captions() -> None:
    names = [f"t{number}" for number in range(20)]
    recordings = [Recording(name, "s", "walk", name, False, "train", 0, 1) for name in names]
    rng = np.random.default_rng(0)
    features = {name: rng.normal(size=(20, 263)).astype(np.float32) for name in names}
    twins = {"t3": "7 walk", "t9": "7 walk", "t4": "8 walk"}
    groups = near_duplicates(recordings, lambda motion: features[motion.id], twins)
    assert groups["t3"] == groups["t9"] != groups["t4"]
    captioned = [clip_of(name, "walk", None) for name in names[:10]]
    splits = assign_splits(captioned, groups)
    assert all(splits[name] == "train" for name in names[10:])
    assert {splits[name] for name in names} == {"train", "validation", "test"}


def test_weights_lift_rare_classes_within_bounds():
    names = [("walk", n) for n in range(400)] + [("bow", n) for n in range(4)]
    clips = tuple(clip_of(f"{action}{number}", action, None) for action, number in names)
    none = np.zeros((0, 263), np.float16)
    dataset = PreparedDataset(clips, (), none, np.zeros(263), np.ones(263), {})
    weights = dataset.weights("train")
    assert weights.sum() == pytest.approx(1)
    assert weights[-1] / weights[0] == pytest.approx(100**0.5)
    assert weights.max() <= 10.5 / len(clips)


def archive_of(path: Path, members: dict[str, bytes], *, link: str | None = None) -> Path:
    with tarfile.open(path, "w:xz") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        if link:
            info = tarfile.TarInfo("evil.bvh")
            info.type, info.linkname = tarfile.SYMTYPE, link
            archive.addfile(info)
    return path


@pytest.mark.parametrize("name", ["../evil.bvh", "/tmp/evil.bvh", "a/../../evil.bvh"])
def test_archive_members_outside_are_refused(tmp_path, name):
    path = archive_of(tmp_path / "x.tar.xz", {name: b"x"})
    with pytest.raises(InputError, match="outside"), opened(path):
        pass


def test_archives_give_motion_files_only_and_no_links(tmp_path):
    members = {"m/a.bvh": b"x", "m/run.sh": b"x"}
    path = archive_of(tmp_path / "x.tar.xz", members, link="/etc/passwd")
    with opened(path) as folder:
        assert [p.name for p in folder.rglob("*") if p.is_file() or p.is_symlink()] == ["a.bvh"]
    assert not folder.exists()


def test_an_archive_that_is_none_or_too_large_is_refused(tmp_path):
    (tmp_path / "no.tar.xz").write_bytes(b"plain text")
    with pytest.raises(InputError, match="not a readable tar"), opened(tmp_path / "no.tar.xz"):
        pass
    path = archive_of(tmp_path / "x.tar.xz", {"a.bvh": b"x" * 1000})
    with pytest.raises(InputError, match="refused"), opened(path, max_bytes=100):
        pass


def test_wrong_input_is_named(mocap, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    for sources, words in (
        ({"amass": empty}, "no data source named 'amass'"),
        ({"bandai-namco": empty}, "no files of bandai-namco"),
        ({"bandai-namco": tmp_path / "nowhere"}, "nowhere"),
        ({"cmu": empty}, r"cmu_descriptions\.csv"),
        ({"cmu-mocap": empty}, r"joints_delta_i16\.npy"),
        ({"mesh2motion": empty}, "no files of mesh2motion"),
        ({"custom": mocap}, r"broken\.npy"),
    ):
        with pytest.raises(InputError, match=words):
            prepare(sources, tmp_path / "out", strict=True, workers=1, quiet=True)
    with pytest.raises(InputError, match="unknown caption source 'hearsay'"):
        prepare({"custom": mocap}, tmp_path / "out", captions=["hearsay"], workers=1, quiet=True)
    assert [path.name for path in tmp_path.iterdir() if "out" in path.name] == []


def test_a_folder_with_other_things_is_left_alone(mocap, tmp_path):
    out = tmp_path / "precious"
    out.mkdir()
    (out / "thesis.txt").write_text("years of work")
    with pytest.raises(InputError, match="something other than a prepared data set"):
        prepare({"custom": mocap}, out, workers=1, quiet=True)
    assert (out / "thesis.txt").read_text() == "years of work"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_place_is_named(mocap, tmp_path):
    place = tmp_path / "locked"
    place.mkdir(mode=0o500)
    with pytest.raises(UnavailableError, match="locked"):
        prepare({"custom": mocap}, place / "out", workers=1, quiet=True)


def test_an_output_below_a_file_is_named(mocap, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UnavailableError, match="cannot write the data set"):
        prepare({"custom": mocap}, tmp_path / "file" / "out", workers=1, quiet=True)


def test_damaged_data_sets_are_refused(mocap, tmp_path):
    out = tmp_path / "out"
    with pytest.raises(InputError, match="no prepared data set"):
        PreparedDataset.load(out)
    prepare({"custom": mocap}, out, workers=1, quiet=True)
    content = (out / "features.npy").read_bytes()
    (out / "features.npy").write_bytes(content[: len(content) // 2])
    with pytest.raises(FormatError, match="damaged"):
        PreparedDataset.load(out)
    (out / "features.npy").write_bytes(content)
    description = json.loads((out / "dataset.json").read_text())
    (out / "dataset.json").write_text(json.dumps({**description, "version": 99}))
    with pytest.raises(FormatError, match="version 99"):
        PreparedDataset.load(out)


def test_custom_tables_are_checked(mocap):
    table = mocap / "labels.csv"
    for row, words in (
        ("../secret.npy,walk,", "outside"),
        (",walk,", "lacks a file"),
        ("walk1.npy,levitate,", "no wordings"),
    ):
        table.write_text(f"file,action,caption\n{row}\n")
        with pytest.raises(InputError, match=words):
            find_takes("custom", mocap)


@pytest.fixture
def sources(tmp_path: Path) -> dict[str, Path]:
    """Our own two seconds of walking, in the files and under the names of each source."""
    folders = {name: tmp_path / name for name in ("bandai-namco", "hdm05", "cmu")}
    for folder in folders.values():
        folder.mkdir()
    names = {joint: name for joint, _, _, name in TREE}
    bandai = bvh(names, 0.01, np.arange(60) / 30, t_pose=False)
    (folders["bandai-namco"] / "dataset-1_walk_exhausted_001.bvh").write_text(bandai)
    cmu = bvh(names, UNIT, np.arange(120) / 60, t_pose=True)
    (folders["cmu"] / "007_02.bvh").write_text(cmu)
    table = "Subject,Trial #,Motion Description\n7,2,walk\n7,3,walk\n"
    (folders["cmu"] / "cmu_descriptions.csv").write_text(table)
    asf, amc = acclaim(np.arange(240) / 120)
    (folders["hdm05"] / "HDM_bk.asf").write_text(asf)
    (folders["hdm05"] / "HDM_bk_sneak2StepsLStart_006_120.amc").write_text(amc)
    return folders


def test_each_source_gives_the_same_walk_with_its_own_labels(sources, tmp_path):
    report = prepare(sources, tmp_path / "out", workers=1, quiet=True)
    assert not report.unreadable and not report.left_out
    clips = {clip.id: clip for clip in report.dataset.clips if not clip.mirrored}
    assert {(c.id, c.action, c.style, c.actor) for c in clips.values()} == {
        ("bandai-namco/dataset-1_walk_exhausted_001", "walk", "tired", None),
        ("hdm05/HDM_bk_sneak2StepsLStart_006_120", "sneak", None, "bk"),
        ("cmu/007_02", "walk", None, "7"),
    }
    for clip in clips.values():
        levelled = level_feet(walk(np.arange(40) / 20), PITCH.get(clip.source, 0.0))
        expected = reference_features(levelled)[1:]  # the first frame is cut off
        found = report.dataset.features(clip)
        assert found.shape == (38, 263)
        near = 0.12 if clip.source == "hdm05" else 0.01  # metres; Acclaim's shoulders differ
        np.testing.assert_allclose(found[:30, 4:67], expected[:30, 4:67], atol=near)
        np.testing.assert_allclose(found[:, 2].mean(), expected[:, 2].mean(), atol=0.001)


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs ../shared/data")
def test_real_members_of_each_source(tmp_path):
    expected = {
        "hdm05": ("HDM_bk.asf", "HDM_bk_sneak2StepsLStart_006_120.AMC"),
        "cmu": ("cmu_descriptions.csv", "002_03.bvh"),
    }
    folders = {}
    for source, names in expected.items():
        folders[source] = tmp_path / source
        folders[source].mkdir()
        with tarfile.open(SHARED / f"{source}.tar.xz") as archive:
            for member in archive:
                name = Path(member.name).name
                if name in names and not (folders[source] / name).exists():
                    content = archive.extractfile(member)
                    assert content is not None
                    (folders[source] / name).write_bytes(content.read())
    dataset = prepare(folders, tmp_path / "out", workers=1, quiet=True).dataset
    labels = {(c.id, c.action, c.mirrored, c.actor) for c in dataset.clips if not c.mirrored}
    assert labels == {
        ("hdm05/HDM_bk_sneak2StepsLStart_006_120", "sneak", False, "bk"),
        ("cmu/002_03", "run", False, "2"),
    }
    run = next(clip for clip in dataset.clips if clip.action == "run")
    assert run.captions == (Caption("run/jog", "description"),)
    speed = dataset.features(run)[:, 2].mean() * 20
    assert 2 < speed < 5  # metres a second, forward


@pytest.mark.skipif(not (PREPARED / "dataset.json").is_file(), reason="needs `make data` first")
def test_no_near_duplicate_lies_across_the_line_of_the_prepared_set():
    dataset = PreparedDataset.load(PREPARED)
    groups = {name: {m.group for m in dataset.motions(name)} for name in SPLITS}
    assert not groups["train"] & (groups["test"] | groups["validation"])
    assert not groups["validation"] & groups["test"]
    described = {}
    for motion in dataset.motions("train"):
        described.setdefault(motion.source, []).append(descriptor(dataset.features(motion)))
    stacked = {source: np.stack(values) for source, values in described.items()}
    for motion in dataset.motions("test"):
        nearest = distances(descriptor(dataset.features(motion)), stacked[motion.source]).min()
        assert nearest >= NEAR_DUPLICATE, motion.id


def clip_of(name: str, action: str, style: str | None) -> Clip:
    return Clip(name, name, "s", action, style, None, False, "train", (), 0, 50)
