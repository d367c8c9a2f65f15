"""The motion tokenizer: shapes, lengths, its file, its losses, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from motion_agent.motion_core.errors import (
    ConfigurationError,
    InputError,
    IntegrityError,
    UnavailableError,
)
from motion_agent.motion_core.representation import features_to_root
from motion_agent.motion_core.tokenizer import (
    MotionTokenizer,
    TokenizerConfig,
    load_tokenizer,
    save_tokenizer,
)
from motion_agent.motion_core.tokenizer.losses import (
    grouped_std,
    joint_distances,
    path_error,
    root_path,
)

TINY = TokenizerConfig(codes=16, code_dim=4, width=8, depth=2)


def random_features(frames: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(frames, 263)).astype(np.float32)


@pytest.fixture
def tokenizer() -> MotionTokenizer:
    torch.manual_seed(0)
    return MotionTokenizer(TINY).eval()


@pytest.mark.parametrize(
    ("frames", "tokens"), [(1, 1), (3, 1), (4, 1), (5, 1), (7, 1), (8, 2), (63, 15), (200, 50)]
)
def test_a_token_is_four_frames(tokenizer: MotionTokenizer, frames: int, tokens: int) -> None:
    found = tokenizer.encode(random_features(frames))
    assert len(found) == tokens
    assert all(type(token) is int and 0 <= token < 16 for token in found)
    decoded = tokenizer.decode(found)
    assert decoded.shape == (4 * tokens, 263)
    assert decoded.dtype == np.float32


def test_frames_after_the_last_whole_token_are_left_out(tokenizer: MotionTokenizer) -> None:
    features = random_features(43)
    assert tokenizer.encode(features) == tokenizer.encode(features[:40])


def test_less_than_a_token_is_filled_up_with_its_last_frame(tokenizer: MotionTokenizer) -> None:
    features = random_features(2)
    filled = np.concatenate([features, features[-1:], features[-1:]])
    assert tokenizer.encode(features) == tokenizer.encode(filled)


def test_a_frame_decodes_with_its_neighbours(tokenizer: MotionTokenizer) -> None:
    """Decoding two parts at once differs from decoding each, but only around the join."""
    first, second = [1, 2, 3] * 20, [4, 5, 6] * 20
    once = tokenizer.decode(first + second)
    apart = np.concatenate([tokenizer.decode(first), tokenizer.decode(second)])
    differs = np.flatnonzero(np.abs(once - apart).max(axis=1) > 1e-5)
    assert 239 in differs and 240 in differs  # the seam
    assert differs.min() > 120 and differs.max() < 360


def test_a_long_sequence_decodes(tokenizer: MotionTokenizer) -> None:
    tokens = np.random.default_rng(0).integers(16, size=5000).tolist()
    assert np.isfinite(tokenizer.decode(tokens)).all()


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        ([], "no motion tokens"),
        ([3, 16], "motion token 16 is not in the codebook of 16; tokens go from 0 to 15"),
        ([-1], "motion token -1"),
    ],
)
def test_tokens_that_are_none_are_refused(
    tokenizer: MotionTokenizer, tokens: list[int], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        tokenizer.decode(tokens)


@pytest.mark.parametrize(
    ("features", "message"),
    [
        (np.zeros((0, 263)), "no frames"),
        (np.zeros((8, 262)), "shape"),
        (np.zeros((8, 22, 3)), "shape"),
        (np.full((8, 263), np.nan), "NaN"),
    ],
)
def test_features_that_are_none_are_refused(
    tokenizer: MotionTokenizer, features: np.ndarray, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        tokenizer.encode(features)


def test_mean_and_deviation_are_part_of_it() -> None:
    """Shifted and scaled features give the same tokens when mean and std tell so."""
    features = random_features(40)
    torch.manual_seed(0)
    plain = MotionTokenizer(TINY).eval()
    torch.manual_seed(0)
    shifted = MotionTokenizer(
        TINY, mean=np.full(263, 5.0), std=np.full(263, 2.0, dtype=np.float32)
    ).eval()
    tokens = plain.encode(features)
    assert shifted.encode(features * 2 + 5) == tokens
    np.testing.assert_allclose(shifted.decode(tokens), plain.decode(tokens) * 2 + 5, atol=1e-4)


def test_a_centimetre_counts_the_same_for_every_joint() -> None:
    std = grouped_std(torch.arange(263.0))
    assert std[4:67].unique().tolist() == [35.0]
    assert std[0] == pytest.approx(1e-4)  # a feature that never changes must not divide by zero
    assert std[1:3].tolist() == [1.5, 1.5]


def test_padding_does_not_count(tokenizer: MotionTokenizer) -> None:
    features = torch.from_numpy(random_features(160))[None]
    valid = torch.ones(1, 160, dtype=torch.bool)
    valid[:, 32:] = False
    found = []
    for filler in (0.0, 100.0):
        padded = features.clone()
        padded[:, 120:] = filler  # beyond the reach of the valid frames' convolutions
        parts = tokenizer(padded, valid).parts
        found.append({name: part.item() for name, part in parts.items()})
    assert found[0] == pytest.approx(found[1], rel=1e-4)
    assert tokenizer(padded).loss.item() > 10 * tokenizer(padded, valid).loss.item()


def test_the_loss_is_the_weighted_sum_of_its_parts(tokenizer: MotionTokenizer) -> None:
    result = tokenizer(torch.from_numpy(random_features(16))[None])
    weights = {
        "reconstruction": 1.0,
        "position": TINY.position,
        "distance": TINY.distance,
        "path": TINY.path,
        "commitment": TINY.commitment,
    }
    total = sum(weight * result.parts[name] for name, weight in weights.items())
    assert result.loss.item() == pytest.approx(total.item(), rel=1e-6)
    assert result.parts.keys() == weights.keys()


def test_the_paper_weighs_commitment_and_positions_like_this() -> None:
    paper = TokenizerConfig.paper()
    assert (paper.codes, paper.code_dim, paper.width) == (512, 512, 512)
    assert (paper.commitment, paper.position) == (0.02, 0.5)


def test_the_path_is_that_of_the_representation() -> None:
    features = 0.1 * random_features(50)
    turn, place = root_path(torch.from_numpy(features)[None].double())
    half_turn, root = features_to_root(features)
    np.testing.assert_allclose(turn[0], 2 * half_turn, atol=1e-6)
    np.testing.assert_allclose(place[0], root[:, [0, 2]], atol=1e-6)


def test_path_error_of_a_steady_slip_grows_with_time() -> None:
    real = torch.zeros(1, 11, 263)
    slipping = real.clone()
    slipping[..., 2] = 0.01  # a centimetre a frame: 0, 1, … 10 cm away
    valid = torch.ones(1, 11)
    assert path_error(slipping, real, valid).item() == pytest.approx(0.05, abs=1e-3)
    valid[:, 1:] = 0
    assert path_error(slipping, real, valid).item() == pytest.approx(0, abs=1e-3)


def test_joint_distance_is_euclidean() -> None:
    real = torch.zeros(1, 263)
    moved = real.clone()
    moved[0, 4:7] = torch.tensor([0.03, 0.0, 0.04])
    distances = joint_distances(moved, real)[0]
    assert distances.shape == (21,)
    assert distances[0].item() == pytest.approx(0.05, abs=1e-4)
    assert distances[1:].max().item() == pytest.approx(0, abs=2e-4)


def test_the_default_has_three_to_five_million_parameters() -> None:
    assert 3e6 < MotionTokenizer().parameters_count < 5e6


# On disk ------------------------------------------------------------------------------------


def test_a_saved_tokenizer_gives_the_same_tokens(
    tokenizer: MotionTokenizer, tmp_path: Path
) -> None:
    save_tokenizer(tokenizer, tmp_path)
    loaded = load_tokenizer(tmp_path)
    save_tokenizer(loaded, tmp_path / "again")
    again = load_tokenizer(tmp_path / "again")
    features = random_features(400)
    assert again.encode(features) == loaded.encode(features)
    tokens = loaded.encode(features)
    np.testing.assert_array_equal(again.decode(tokens), loaded.decode(tokens))
    np.testing.assert_allclose(tokenizer.decode(tokens), loaded.decode(tokens), atol=0.02)
    assert loaded.config == TINY
    for name, tensor in load_tokenizer(tmp_path).state_dict().items():
        assert torch.equal(tensor, loaded.state_dict()[name]), name  # nothing is left as drawn
    assert not loaded.training
    assert not any(parameter.requires_grad for parameter in loaded.parameters())


def test_the_file_is_float16_and_below_nine_megabytes(tmp_path: Path) -> None:
    path = save_tokenizer(MotionTokenizer(), tmp_path)
    assert path.stat().st_size < 9_000_000
    assert path.stat().st_mode & 0o777 == 0o644
    with safe_open(path, framework="pt") as file:
        names = set(file.keys())
        assert file.get_tensor("quantizer.codebook").dtype == torch.float16
        assert file.get_tensor("mean").dtype == torch.float32
        assert json.loads(file.metadata()["config"])["codes"] == 512
    assert "quantizer.sums" not in names


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match=r"no tokenizer\.safetensors in"):
        load_tokenizer(tmp_path)


@pytest.mark.parametrize("keep", [0, 4, 200, -100])
def test_a_cut_file_is_told(tokenizer: MotionTokenizer, tmp_path: Path, keep: int) -> None:
    path = save_tokenizer(tokenizer, tmp_path)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(IntegrityError, match="damaged") as caught:
        load_tokenizer(tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("damage", ["missing", "unknown", "shape", "nan"])
def test_wrong_tensors_are_told(tokenizer: MotionTokenizer, tmp_path: Path, damage: str) -> None:
    path = save_tokenizer(tokenizer, tmp_path)
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
    tensors = load_file(path)
    if damage == "missing":
        del tensors["decoder.0.bias"]
    elif damage == "unknown":
        tensors["decoder.0.gain"] = torch.zeros(1)
    elif damage == "shape":
        tensors["decoder.0.bias"] = torch.zeros(3)
    else:
        tensors["decoder.0.bias"][0] = float("nan")
    save_file(tensors, path, metadata)
    with pytest.raises(IntegrityError, match=r"'decoder\.0\.(bias|gain)' is missing, unknown"):
        load_tokenizer(tmp_path)


def test_another_programs_file_is_refused(tmp_path: Path) -> None:
    save_file({"a": torch.zeros(1)}, tmp_path / "tokenizer.safetensors")
    with pytest.raises(ConfigurationError, match="format None"):
        load_tokenizer(tmp_path)


def test_saving_where_one_may_not_leaves_nothing(
    tokenizer: MotionTokenizer, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UnavailableError, match="cannot be written"):
        save_tokenizer(tokenizer, tmp_path / "file" / "checkpoint")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_an_unknown_setting_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="colour"):
        TokenizerConfig.from_dict({"colour": 3})
    with pytest.raises(ConfigurationError, match="width is 0"):
        TokenizerConfig(width=0)
