"""HumanML3D's .npy and our .npz: what goes in comes out, and nothing else comes in."""

from __future__ import annotations

import io
import json
import os
import pickle
import random
import stat
import zipfile
from pathlib import Path

import numpy as np
import pytest

from motion_agent.motion_core.atomic import replacing
from motion_agent.motion_core.errors import FormatError, InputError, UnavailableError
from motion_agent.motion_core.exporting import export
from motion_agent.motion_core.formats import (
    load_npz,
    read_joints,
    read_motion,
    save_npz,
)
from motion_agent.motion_core.motion import Motion, Segment

SAMPLES = Path(__file__).parent / "samples"


@pytest.fixture(scope="module")
def walk() -> Motion:
    return read_motion(SAMPLES / "walk.npy")


@pytest.fixture(scope="module")
def planned(walk: Motion) -> Motion:
    """A motion of two segments, 5 tokens in all, with seeds and provenance."""
    segments = (
        Segment("s1", "a person walks, „leise“", (3, 511, 7), seed=4),
        Segment("s2", "and stops", (0, 9), seed=2**40),
    )
    provenance = {"engine": "fake", "prompt": "walk, then stop", "parts": [1, 2.5, None]}
    return Motion(walk.features[:20], segments, provenance=provenance)


def header(shape: str, *, descr: str = "<f4", version: int = 1) -> bytes:
    text = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    width = 2 if version == 1 else 4
    return b"\x93NUMPY" + bytes([version, 0]) + len(text).to_bytes(width, "little") + text


def test_joints_of_npy_become_features_and_features_stay_as_they_are(
    walk: Motion, tmp_path: Path
) -> None:
    assert len(walk) == 23 and walk.provenance == {"source": "walk.npy"}
    joints, fps = read_joints(SAMPLES / "walk.npy")
    assert (joints.shape, fps) == ((24, 22, 3), 20)
    np.save(tmp_path / "features.npy", walk.features)
    same = read_motion(tmp_path / "features.npy")
    np.testing.assert_array_equal(same.features, walk.features)
    np.testing.assert_array_equal(read_joints(tmp_path / "features.npy")[0], walk.joints)


@pytest.mark.parametrize("dtype", ["<f8", ">f4", "<f2"])
def test_every_type_of_number_and_order_of_memory_is_read(tmp_path: Path, dtype: str) -> None:
    joints = np.load(SAMPLES / "walk.npy")
    np.save(tmp_path / "joints.npy", np.asfortranarray(joints.astype(dtype)))
    np.testing.assert_allclose(read_joints(tmp_path / "joints.npy")[0], joints, atol=2e-3)


def test_npy_in_centimetres_or_z_up_can_be_told(tmp_path: Path) -> None:
    joints = np.load(SAMPLES / "walk.npy")
    np.save(tmp_path / "joints.npy", joints[..., [2, 0, 1]] * 100)
    read, fps = read_joints(tmp_path / "joints.npy", unit="cm", up="z", fps=30)
    np.testing.assert_allclose(read, joints, atol=1e-5)
    assert fps == 30


def mdm_results(path: Path, joints: np.ndarray, protocol: int | None) -> Path:
    """As motion-diffusion-model's generate.py saves them: motions padded to one length."""
    padded = np.concatenate([joints, np.repeat(joints[-1:] * 0, 5, axis=0)])
    motion = np.stack([padded, padded[::-1]]).transpose(0, 2, 3, 1).astype(np.float32)
    results = {
        "motion": motion,  # (N, 22, 3, T)
        "text": ["a person walks", "backwards"],
        "lengths": np.array([len(joints), len(padded)]),
        "num_samples": 2,
        "num_repetitions": np.int64(1),
    }
    if protocol is None:
        np.save(path, results)  # type: ignore[arg-type]
        return path
    with path.open("wb") as file:
        file.write(header("()", descr="|O"))
        pickle.dump(np.array(results, dtype=object), file, protocol=protocol)
    return path


@pytest.mark.parametrize("protocol", [None, 2, 5])
def test_results_of_mdm_are_read_without_running_their_pickle(
    tmp_path: Path, protocol: int | None
) -> None:
    joints = np.load(SAMPLES / "walk.npy")
    path = mdm_results(tmp_path / "results.npy", joints, protocol)
    read, fps = read_joints(path, clip="0")
    np.testing.assert_allclose(read, joints, atol=1e-5)
    assert fps == 20
    with pytest.raises(FormatError, match=r"results.npy cannot be used: an array of 2 motions"):
        read_joints(path)


@pytest.mark.parametrize(
    "results",
    [
        {"motion": "no array"},
        {"thetas": np.zeros((24, 6, 9))},
        {"motion": np.zeros((3, 22, 3)), "more": Path("x")},
        {"motion": np.array(["a", "b"])},
    ],
    ids=["text", "another name", "a path", "words"],
)
def test_other_pickles_are_refused(tmp_path: Path, results: dict[str, object]) -> None:
    np.save(tmp_path / "results.npy", results)  # type: ignore[arg-type]
    with pytest.raises(FormatError, match=r"results.npy (holds|is damaged)"):
        read_joints(tmp_path / "results.npy")


def test_a_pickle_cannot_reach_into_what_stands_for_numpy(tmp_path: Path) -> None:
    """BUILD on a callable would set its attributes: on a function, its defaults."""
    build = b"cnumpy\ndtype\nN}S'__defaults__'\n(I1\ntss\x86b."
    (tmp_path / "a.npy").write_bytes(header("()", descr="|O") + build)
    with pytest.raises(FormatError, match=r"a.npy (holds pickled|is damaged)"):
        read_joints(tmp_path / "a.npy")


class Bomb:
    def __reduce__(self):
        return os.system, ("touch /tmp/motion-agent-was-here",)


def test_pickled_arrays_are_refused_and_never_run(tmp_path: Path) -> None:
    marker = Path("/tmp/motion-agent-was-here")
    np.save(tmp_path / "evil.npy", np.array([Bomb()], dtype=object), allow_pickle=True)
    with pytest.raises(FormatError, match=r"evil.npy holds pickled Python objects"):
        read_motion(tmp_path / "evil.npy")
    np.savez(tmp_path / "evil.npz", version=np.array(1), features=np.array([Bomb()], dtype=object))
    with pytest.raises(FormatError, match=r"evil.npz holds pickled Python objects"):
        read_motion(tmp_path / "evil.npz")
    assert not marker.exists()


BAD_NPY = {
    "empty": (b"", "is empty"),
    "foreign": (b"BM this is a picture", "does not begin as .npy does"),
    "only magic": (b"\x93NUMPY", "does not begin as .npy does"),
    "pickle": (b"\x80\x04\x95\x10\x00", "does not begin as .npy does"),
    "a terabyte": (header("(500000000, 22, 3)"), "132000000000 bytes, 0 are there"),
    "overflowing": (header("(4294967296, 4294967296, 3)"), "0 are there"),
    "huge header": (b"\x93NUMPY\x02\x00\xff\xff\xff\x7f{", "header of 2147483647 bytes"),
    "version": (header("(1,)", version=9), "version 9"),
    "code for header": (header("__import__('os').getcwd()"), "header cannot be read"),
    "structured": (header("(2,)").replace(b"'<f4'", b"[('a', '<f4')]"), "header cannot be read"),
    "text": (header("(2,)", descr="<U1") + bytes(8), "'<U1'; numbers are expected"),
    "truncated": (header("(2, 22, 3)") + bytes(500), "528 bytes, 500 are there"),
    "too long": (header("(2, 22, 3)") + bytes(600), "528 bytes, 600 are there"),
    "another shape": (header("(2, 17, 3)") + bytes(408), "(2, 17, 3)"),
    "no frames": (header("(0, 22, 3)"), "no frames"),
    "no frames of endless width": (header("(0, 1000000000000000000000)"), "no frames"),
    "seventy axes": (header(str((1,) * 70)) + bytes(4), "no frames"),
    "odd separators": (header("(2 17\n3)") + bytes(408), "(2, 17, 3)"),
    "no such float": (header("(2,)", descr="<f1") + bytes(2), "'<f1'; numbers are expected"),
    "scalar": (header("()") + bytes(4), "the shape ()"),
    "all at one place": (header("(2, 22, 3)") + bytes(528), "not a person"),
    "one frame": (
        header("(1, 22, 3)") + np.load(SAMPLES / "walk.npy")[:1].astype("<f4").tobytes(),
        "is too short: 1 frames",
    ),
    "no features": (header("(0, 263)"), "no frames"),
}


@pytest.mark.parametrize("data, message", BAD_NPY.values(), ids=BAD_NPY)
def test_bad_npy_ends_in_one_line(tmp_path: Path, data: bytes, message: str) -> None:
    path = tmp_path / "bad.npy"
    path.write_bytes(data)
    with pytest.raises(FormatError) as caught:
        read_motion(path)
    assert str(caught.value).startswith(str(path)) and "\n" not in str(caught.value)
    assert message in str(caught.value)


def test_nan_and_absurd_positions_are_refused(tmp_path: Path) -> None:
    joints = np.load(SAMPLES / "walk.npy")
    for value, message in ((np.nan, "frame 5 holds NaN"), (np.inf, "NaN"), (5000, "5000 m from")):
        joints[5, 3, 1] = value
        np.save(tmp_path / "bad.npy", joints)
        with pytest.raises(FormatError, match=message):
            read_motion(tmp_path / "bad.npy")
    features = np.full((4, 263), 1e300)
    np.save(tmp_path / "bad.npy", features)
    with pytest.raises(FormatError, match="infinity"):
        read_motion(tmp_path / "bad.npy")


def test_npz_keeps_everything_bit_for_bit(planned: Motion, tmp_path: Path) -> None:
    export(planned, tmp_path / "m.npz")
    loaded = read_motion(tmp_path / "m.npz")
    np.testing.assert_array_equal(loaded.features, planned.features)
    assert loaded.segments == planned.segments
    assert loaded.tokens == planned.tokens == (3, 511, 7, 0, 9)
    assert loaded.provenance == planned.provenance
    assert loaded.id == planned.id
    np.testing.assert_array_equal(read_joints(tmp_path / "m.npz")[0], planned.joints)


def test_npz_keeps_tokens_of_a_motion_without_segments(walk: Motion, tmp_path: Path) -> None:
    motion = Motion(walk.features, tokens=(1, 2, 3, 4, 5), provenance=walk.provenance)
    save_npz(motion, tmp_path / "m.npz")
    assert load_npz(tmp_path / "m.npz").tokens == (1, 2, 3, 4, 5)
    assert load_npz(tmp_path / "m.npz").segments == ()


def test_npz_holds_no_pickles_and_says_its_version(planned: Motion, tmp_path: Path) -> None:
    save_npz(planned, tmp_path / "m.npz")
    with np.load(tmp_path / "m.npz", allow_pickle=False) as arrays:
        assert set(arrays) == {"features", "tokens", "segments", "provenance", "version"}
        assert arrays["features"].dtype == np.float32 and int(arrays["version"]) == 1
        assert json.loads(str(arrays["segments"]))[1]["description"] == "and stops"


def test_the_same_motion_is_the_same_file(planned: Motion, tmp_path: Path) -> None:
    save_npz(planned, tmp_path / "a.npz")
    save_npz(planned, tmp_path / "b.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def rewritten(motion: Motion, path: Path, **changes: object) -> Path:
    """A motion file with some arrays replaced; None leaves one out."""
    save_npz(motion, path)
    with np.load(path) as loaded:
        arrays = dict(loaded)
    arrays |= {key: np.array(value) for key, value in changes.items() if value is not None}
    np.savez(
        path, **{k: v for k, v in arrays.items() if k not in changes or changes[k] is not None}
    )
    return path


BAD_NPZ = {
    "later version": ({"version": 2}, "format version 2; this release reads 1"),
    "no version": ({"version": None}, "has no 'version'"),
    "foreign": ({"version": None, "poses": np.zeros(3), "trans": np.zeros(3)}, "not a motion file"),
    "wrong width": ({"features": np.zeros((20, 66), np.float32)}, "shape (20, 66)"),
    "nan": ({"features": np.full((20, 263), np.nan, np.float32)}, "NaN"),
    "too many frames": ({"features": np.zeros((24, 263), np.float32)}, "segments hold 20 frames"),
    "segments are no json": ({"segments": "[{"}, "is damaged"),
    "segments are no list": ({"segments": "{}"}, "not what they should be"),
    "segments of another kind": ({"segments": '[{"id": "s1"}]'}, "a segment of it"),
    "segments twice": ({"segments": json.dumps(
        [{"id": "s1", "description": "", "tokens": [0] * n, "seed": 0} for n in (2, 3)]
    )}, "same id"),
    "segments are numbers": ({"segments": 5}, "'<i8'"),
    "provenance": ({"provenance": "[]"}, "not what they should be"),
    "provenance deep": ({"provenance": "[" * 100_000}, "is damaged"),
    "tokens": ({"tokens": np.array([np.nan])}, "is damaged"),
    "tokens flat": ({"tokens": 5}, "is damaged"),
}  # fmt: skip


@pytest.mark.parametrize("changes, message", BAD_NPZ.values(), ids=BAD_NPZ)
def test_bad_npz_ends_in_one_line(planned: Motion, tmp_path: Path, changes, message: str) -> None:
    path = rewritten(planned, tmp_path / "bad.npz", **changes)
    with pytest.raises(FormatError) as caught:
        load_npz(path)
    assert str(caught.value).startswith(str(path)) and "\n" not in str(caught.value)
    assert message in str(caught.value)


def test_an_archive_that_promises_a_terabyte_is_refused(planned: Motion, tmp_path: Path) -> None:
    path = rewritten(planned, tmp_path / "bad.npz")
    with np.load(path) as loaded:
        arrays = dict(loaded)
    for name, data, message in (
        ("features", header("(900000000, 263)"), "0 are there"),
        ("segments", b"\x00" * 200_000_000, "limit is"),
    ):
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for key, array in arrays.items():
                buffer = io.BytesIO()
                np.save(buffer, array)
                archive.writestr(f"{key}.npy", data if key == name else buffer.getvalue())
        with pytest.raises(FormatError, match=message):
            load_npz(path)


def test_damage_anywhere_ends_in_a_format_error(planned: Motion, tmp_path: Path) -> None:
    chance = random.Random(3)
    path = tmp_path / "m.npz"
    save_npz(planned, path)
    whole = {".npz": path.read_bytes(), ".npy": (SAMPLES / "walk.npy").read_bytes()}
    refused = 0
    for _ in range(200):
        suffix = chance.choice([".npz", ".npy"])
        data = bytearray(whole[suffix])
        if chance.random() < 0.3:
            del data[chance.randrange(len(data)) :]
        for _ in range(chance.randrange(1, 4)):
            if data:
                data[chance.randrange(min(len(data), 400))] = chance.randrange(256)
                data[-chance.randrange(min(len(data), 400)) - 1] = chance.randrange(256)
        (tmp_path / f"damaged{suffix}").write_bytes(data)
        try:
            read_motion(tmp_path / f"damaged{suffix}")
        except FormatError as error:
            refused += 1
            assert "\n" not in str(error)
    assert refused > 100


def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    target = tmp_path / "m.npz"
    target.write_text("the old one")
    with pytest.raises(ZeroDivisionError), replacing(target) as temporary:
        temporary.write_text("half of the new")
        1 / 0  # noqa: B018
    assert target.read_text() == "the old one"
    assert list(tmp_path.iterdir()) == [target]


def test_a_disk_that_refuses_the_file_is_told_and_left_clean(
    walk: Motion, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "replace", refuse)
    for name in ("m.npz", "m.npy", "m.bvh", "m.joints.npy", "m.csv", "m.amass.npz", "m.glb"):
        with pytest.raises(UnavailableError, match=rf"{name} cannot be written: Permission denied"):
            export(walk, tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_provenance_that_is_not_json_is_refused_before_writing(
    walk: Motion, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="provenance is not JSON"):
        save_npz(walk.with_provenance(path=Path("x")), tmp_path / "m.npz")
    assert not list(tmp_path.iterdir())


def test_missing_folders_are_made_and_impossible_ones_told(walk: Motion, tmp_path: Path) -> None:
    export(walk, tmp_path / "new" / "deep" / "m.npy")
    np.testing.assert_array_equal(np.load(tmp_path / "new" / "deep" / "m.npy"), walk.features)
    (tmp_path / "file").write_text("")
    with pytest.raises(UnavailableError, match=r"cannot be written: .*; choose another"):
        export(walk, tmp_path / "file" / "m.npz")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_is_told(walk: Motion, tmp_path: Path) -> None:
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    with pytest.raises(UnavailableError, match="Permission denied"):
        export(walk, tmp_path / "m.npz")
    tmp_path.chmod(stat.S_IRWXU)


def test_a_motion_without_tokens_or_segments_comes_back(tmp_path: Path) -> None:
    features = np.random.default_rng(0).normal(size=(7, 263)).astype(np.float32)
    save_npz(Motion(features, provenance={"source": "walk.bvh"}), tmp_path / "walk.npz")
    again = load_npz(tmp_path / "walk.npz")
    np.testing.assert_array_equal(again.features, features)
    assert (again.tokens, again.segments) == ((), ())
    assert again.provenance == {"source": "walk.bvh"}
