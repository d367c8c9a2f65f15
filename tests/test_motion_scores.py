"""Motions of any model: T2M evaluators against plain layers, tables and joins against hand work."""

from __future__ import annotations

import collections
import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from test_published_data import published
from torch import Tensor, nn
from typer.testing import CliRunner

from motion_agent.cli import app
from motion_agent.motion_core.errors import ConfigurationError, FormatError, InputError
from motion_agent.motion_core.evaluation.composition import (
    jerk,
    mean_jerk,
    smoothness,
    windows_of,
)
from motion_agent.motion_core.evaluation.motion_files import Space, score_motions
from motion_agent.motion_core.evaluation.t2m_evaluators import T2MEvaluators
from motion_agent.motion_core.published_data import PublishedDataset, TaggedCaption
from motion_agent.motion_core.representation import features_to_joints

WORDS = ("unk", "sos", "eos", "walk", "man", "the")


def their_encoder(words: int = 6, hidden: int = 5, out: int = 4, tagged: bool = True) -> nn.Module:
    """The authors' encoder, of small sizes."""
    module = nn.Module()
    if tagged:
        module.pos_emb = nn.Linear(15, words)
    module.input_emb = nn.Linear(words, hidden)
    module.gru = nn.GRU(hidden, hidden, batch_first=True, bidirectional=True)
    module.output_net = nn.Sequential(
        nn.Linear(hidden * 2, hidden),
        nn.LayerNorm(hidden),
        nn.LeakyReLU(0.2),
        nn.Linear(hidden, out),
    )
    module.hidden = nn.Parameter(torch.randn(2, 1, hidden))
    return module


def evaluators(folder: Path, features: int = 263) -> dict[str, nn.Module]:
    """The published files, tiny, and the plain modules that they hold."""
    torch.manual_seed(0)
    movement = nn.Module()
    movement.main = nn.Sequential(
        nn.Conv1d(features - 4, 7, 4, 2, 1), nn.Dropout(0.2), nn.LeakyReLU(0.2),
        nn.Conv1d(7, 6, 4, 2, 1), nn.Dropout(0.2), nn.LeakyReLU(0.2),
    )  # fmt: skip
    movement.out_net = nn.Linear(6, 6)
    modules = {
        "movement_encoder": movement,
        "motion_encoder": their_encoder(6, tagged=False),
        "text_encoder": their_encoder(6),
    }
    (folder / "model").mkdir(parents=True)
    state = {name: module.eval().state_dict() for name, module in modules.items()}
    torch.save(state | {"epoch": 4}, folder / "model" / "finest.tar")
    rng = np.random.default_rng(0)
    (folder / "glove").mkdir()
    np.save(folder / "glove" / "our_vab_data.npy", rng.normal(size=(len(WORDS), 6)))
    index = {word: at for at, word in enumerate(WORDS)}
    (folder / "glove" / "our_vab_idx.pkl").write_bytes(pickle.dumps(index))
    np.save(folder / "mean.npy", rng.normal(size=features))
    np.save(folder / "std.npy", rng.uniform(0.5, 2, size=features))
    return modules


def run(module: nn.Module, x: Tensor) -> NDArray[np.float32]:
    """The authors' recurrent encoder on one sequence (T, D), without packing."""
    _, last = module.gru(module.input_emb(x[None]), module.hidden)
    return module.output_net(torch.cat([last[0], last[1]], -1)).detach().numpy()


def test_motions_are_where_the_authors_networks_put_them(tmp_path: Path) -> None:
    modules = evaluators(tmp_path)
    networks = T2MEvaluators(tmp_path)
    motions = [
        np.random.default_rng(n).normal(size=(n, 263)).astype(np.float32) for n in (41, 60, 230)
    ]
    found = networks.embed_motions(motions)
    mean, std = np.load(tmp_path / "mean.npy"), np.load(tmp_path / "std.npy")
    for motion, point, frames in zip(motions, found, (40, 60, 196), strict=True):
        normal = torch.from_numpy((motion[:frames] - mean) / std).float()[:, :-4]
        moved = modules["movement_encoder"].main(normal.T[None])[0].T
        moved = modules["movement_encoder"].out_net(moved)
        np.testing.assert_allclose(point[None], run(modules["motion_encoder"], moved), atol=1e-5)


def test_captions_are_where_the_authors_networks_put_them(tmp_path: Path) -> None:
    modules = evaluators(tmp_path)
    vectors = np.load(tmp_path / "glove" / "our_vab_data.npy")
    [point] = T2MEvaluators(tmp_path).embed_captions(
        [("the/DET", "man/NOUN", "walk/VERB", "zig/VERB")]
    )
    # walk is one of the special words (Act_VIP, 12); an unknown word is "unk" of OTHER (14).
    words = [1, 5, 4, 3, 0, 2]
    tags = torch.eye(15)[[14, 2, 1, 12, 14, 14]]
    text = modules["text_encoder"]
    inputs = torch.from_numpy(vectors[words]).float() + text.pos_emb(tags)
    np.testing.assert_allclose(point[None], run(text, inputs), atol=1e-5)
    long = ["man/NOUN"] * 30
    both = T2MEvaluators(tmp_path).embed_captions([long, long[:20]])
    np.testing.assert_array_equal(both[0], both[1])


def test_missing_and_odd_evaluator_files_are_named(tmp_path: Path) -> None:
    evaluators(tmp_path)
    index = tmp_path / "glove" / "our_vab_idx.pkl"
    whole = index.read_bytes()
    index.write_bytes(pickle.dumps(collections.OrderedDict(unk=0)))
    with pytest.raises(FormatError, match=r"collections\.OrderedDict, but only words"):
        T2MEvaluators(tmp_path)
    index.write_bytes(whole)
    np.save(tmp_path / "mean.npy", np.zeros(251))
    with pytest.raises(ConfigurationError, match="read 263 features"):
        T2MEvaluators(tmp_path)
    (tmp_path / "mean.npy").unlink()
    with pytest.raises(InputError, match=r"need mean\.npy"):
        T2MEvaluators(tmp_path)
    torch.save({"text_encoder": {}}, tmp_path / "model" / "finest.tar")
    with pytest.raises(FormatError, match="no 'movement_encoder'"):
        T2MEvaluators(tmp_path)


# Tables ---------------------------------------------------------------------------------------


def dataset(folder: Path, count: int = 4) -> PublishedDataset:
    """Motions whose first number says which they are."""
    names = [chr(ord("a") + n) for n in range(count)]
    data = published(folder, **dict.fromkeys(names, "he walks#he/PRON walk/VERB#0.0#0.0\n"))
    for at, name in enumerate(names):
        (data / "texts" / f"{name}.txt").write_text(f"{at}#x/NOUN#0.0#0.0\n")
        np.save(data / "new_joint_vecs" / f"{name}.npy", np.full((60, 263), at, np.float32))
    return PublishedDataset(data)


def line(captions: list[TaggedCaption]) -> NDArray[np.float64]:
    return np.array([[float(caption.text), 0.0] for caption in captions])


SPACE = Space("a line", lambda motions: np.array([[m[0, 0], len(m) / 60] for m in motions]), line)


def test_tables_by_hand(tmp_path: Path) -> None:
    data = dataset(tmp_path / "data")
    folder = tmp_path / "made"
    folder.mkdir()
    # a and b in each other's place, c right and longer, d not there.
    for name, value, frames in (("a", 1.0, 60), ("b", 0.0, 60), ("c", 2.0, 120)):
        np.save(folder / f"{name}.npy", np.full((frames, 263), value, np.float32))
    report = score_motions(folder, data, SPACE, draws=3)
    real, own, cut = report.sets
    assert [top.value for top in real.r_precision] == [1.0, 1.0, 1.0]
    assert real.distance.value == pytest.approx(1.0)  # a motion is 1 beside its caption
    # Nearest to caption 0 is motion b, and its own is second; d counts as a miss of four.
    assert [top.value for top in cut.r_precision] == [0.25, 0.75, 0.75]
    assert cut.failed == own.failed == 1
    assert cut.distance.value == pytest.approx((2 * np.sqrt(2) + 1) / 3)
    # Cut to the real length c has a height of 1, before of 2.
    assert own.distance.value == pytest.approx((2 * np.sqrt(2) + 2) / 3)
    points = np.array([[1.0, 1], [0, 1], [2, 2]])
    true = np.array([[0.0, 1], [1, 1], [2, 1], [3, 1]])
    one, other = np.cov(true.T), np.cov(points.T)
    # Real motions differ in x alone, so the root of the product has the one value √(C1 C2).
    shift = true.mean(0) - points.mean(0)
    expected = shift @ shift + np.trace(one + other) - 2 * np.sqrt(one[0, 0] * other[0, 0])
    assert own.fid is not None and own.fid.value == pytest.approx(expected, abs=1e-6)
    assert report.not_run["MultiModality"].startswith("not run: needs two or more")
    assert "| failed | 0 | 1 | 1 |" in report.to_markdown()


def test_several_generations_have_intervals_and_multimodality(tmp_path: Path) -> None:
    data = dataset(tmp_path / "data")
    for run_name, shift in (("1", 0.0), ("2", 3.0)):
        folder = tmp_path / "made" / run_name
        folder.mkdir(parents=True)
        for at, name in enumerate("abcd"):
            np.save(folder / f"{name}.npy", np.full((60, 263), at + shift, np.float32))
    report = score_motions(tmp_path / "made", data, SPACE, draws=2)
    own = report.sets[1]
    assert report.generations == 2 and not report.not_run
    # The two takes of each caption are 3 apart.
    assert own.multimodality is not None and own.multimodality.value == pytest.approx(3.0)
    # FID is 0 and 9: the mean, and 1.96 standard errors.
    assert own.fid is not None and own.fid.value == pytest.approx(4.5, abs=1e-6)
    assert own.fid.interval == pytest.approx(1.96 * np.std([0, 9], ddof=1) / np.sqrt(2), abs=1e-5)


def test_the_command_measures_a_folder_with_the_t2m_evaluators(tmp_path: Path) -> None:
    data = dataset(tmp_path / "data", count=6)
    evaluators(tmp_path / "t2m")
    arguments = ["evaluate", "--motions", data.folder / "new_joint_vecs", "--data", data.folder]
    arguments += ["--t2m", tmp_path / "t2m", "--out", tmp_path / "out", "--json"]
    result = CliRunner().invoke(app, [str(word) for word in arguments])
    assert result.exit_code == 0, result.stderr
    report = json.loads(result.stdout)["report"]
    real, own, _ = report["sets"]
    assert own["fid"]["value"] == pytest.approx(0.0, abs=1e-6)  # they are the real motions
    assert own["r_precision"] == real["r_precision"]
    assert report["space"].startswith("the T2M evaluators")
    (data.folder / "new_joint_vecs" / "b.npy").write_bytes(b"damaged")
    result = CliRunner().invoke(app, [str(word) for word in arguments])
    assert json.loads(result.stdout)["report"]["left_out"] == [
        "left out: 1 × a damaged motion file: b"
    ]
    assert (tmp_path / "out" / "motions.md").is_file()
    result = CliRunner().invoke(app, ["evaluate", "--motions", str(tmp_path / "t2m")])
    assert result.exit_code == 2 and "new_joint_vecs" in result.stderr


def test_an_engine_is_measured_on_a_published_split_in_both_directions(tmp_path: Path) -> None:
    data = dataset(tmp_path / "data", count=4)
    for name in "abcd":
        text = "a person walks#a/DET person/NOUN walk/VERB#0.0#0.0\n"
        (data.folder / "texts" / f"{name}.txt").write_text(text)
    evaluators(tmp_path / "t2m")
    arguments = ["evaluate", "--engine", "fake", "--data", data.folder, "--t2m", tmp_path / "t2m"]
    arguments += ["--generations", 2, "--repeats", 2, "--out", tmp_path / "out", "--json"]
    result = CliRunner().invoke(app, [str(word) for word in arguments])
    assert result.exit_code == 0, result.stderr
    report = json.loads(result.stdout)["report"]
    assert report["motions"]["generations"] == 2 and report["motions"]["sets"][1]["failed"] == 0
    assert report["captions"]["motions"] == 4
    files = sorted((tmp_path / "out" / "motions").rglob("*.npy"))
    assert len(files) == 8
    before = files[0].stat().st_mtime_ns
    files[1].unlink()
    again = CliRunner().invoke(app, [str(word) for word in arguments])
    assert again.exit_code == 0 and files[1].is_file()  # the missing one alone is made again
    assert files[0].stat().st_mtime_ns == before
    first, second = (json.loads(r.stdout)["report"]["motions"]["sets"] for r in (result, again))
    assert first == second


def test_bad_folders_and_motions_are_one_clear_line(tmp_path: Path) -> None:
    data = dataset(tmp_path / "data")
    folder = tmp_path / "made"
    folder.mkdir()
    with pytest.raises(InputError, match=r"no \.npy files"):
        score_motions(folder, data, SPACE)
    np.save(folder / "zzz.npy", np.zeros((60, 263)))
    with pytest.raises(InputError, match=r"such as a\.npy"):
        score_motions(folder, data, SPACE)
    np.save(folder / "a.npy", np.zeros((60, 7)))
    with pytest.raises(FormatError, match=r"shape \(60, 7\)"):
        score_motions(folder, data, SPACE)


# Joins ----------------------------------------------------------------------------------------


def test_jerk_by_hand() -> None:
    """x = t³ has the third difference 6; |6| + |-6| over the axes; the fastest joint counts."""
    t = np.arange(6.0)
    joints = np.zeros((6, 2, 3))
    joints[:, 1, 0], joints[:, 1, 2] = t**3, -(t**3)
    joints[:, 0, 1] = t**2
    np.testing.assert_allclose(jerk(joints), [12.0, 12.0, 12.0])
    with pytest.raises(InputError, match="at least 4 frames"):
        jerk(joints[:3])


def test_windows_lie_around_the_joins_and_short_ones_are_counted() -> None:
    motion = np.arange(100)[:, None]
    whole, short = windows_of(motion, [20, 50, 95], window=20)
    assert [(part[0, 0], part[-1, 0]) for part in whole] == [(10, 29), (40, 59)]
    assert short == 1


def test_peak_and_area_are_those_of_the_mean_curve() -> None:
    rng = np.random.default_rng(0)
    motions = [np.zeros((40, 263), np.float32) for _ in range(2)]
    for motion in motions:
        motion[:, 3] = 1.0
        motion[:, 4:67] = rng.normal(size=(40, 63)) * 0.1
    found = smoothness(motions, [[20], [20]], window=16, real_jerk=0.2)
    curves = []
    for motion in motions:
        part = features_to_joints(motion)[12:28].astype(float)
        third = part[3:] - 3 * part[2:-1] + 3 * part[1:-2] - part[:-3]
        curves.append(np.abs(third).sum(-1).max(-1))
    mean = np.mean(curves, axis=0)
    assert found.joins == 2 and len(found.curve) == 13
    assert found.peak_jerk == pytest.approx(mean.max())
    assert found.area == pytest.approx(np.abs(mean - 0.2).sum())
    with pytest.raises(InputError, match="no join has 60 frames"):
        smoothness(motions, [[20], [20]])
    assert mean_jerk(motions) > 0


def test_the_command_measures_joins(tmp_path: Path) -> None:
    folder = tmp_path / "made"
    folder.mkdir()
    motion = np.zeros((120, 263), np.float32)
    motion[60:, 3] = 1.0  # the root jumps up by a metre at the join
    np.save(folder / "0.npy", motion)
    file = tmp_path / "sequences.json"
    file.write_text(json.dumps([{"id": "0", "text": ["walk", "sit"], "lengths": [60, 60]}]))
    arguments = ["evaluate", "--motions", folder, "--sequences", file, "--data", tmp_path / "none"]
    arguments += ["--out", tmp_path / "out", "--json"]
    result = CliRunner().invoke(app, [str(word) for word in arguments])
    assert result.exit_code == 0, result.stderr
    report = json.loads(result.stdout)["report"]
    # A step of a metre has third differences 1, -2, 1.
    assert report["smoothness"]["peak_jerk"] == pytest.approx(2.0, abs=1e-5)
    assert report["not_run"]["transition FID"].startswith("not run: needs --data")
    np.save(folder / "0.npy", motion[:100])
    result = CliRunner().invoke(app, [str(word) for word in arguments[:-1]])
    assert result.exit_code == 2 and "100 frames, its sequence 120" in result.stderr
