"""JSON, YAML, arrays and weights of strangers: what cannot be used is one line and costs little."""

from __future__ import annotations

import io
import pickle
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from motionllm_toys import checkpoint

from motion_agent.ablation.records import Records
from motion_agent.motion_core.datasets.pack_rigs import deepmimic_joints
from motion_agent.motion_core.datasets.prepared import PreparedDataset
from motion_agent.motion_core.datasets.rig_animations import RigFile
from motion_agent.motion_core.errors import FormatError, MotionAgentError
from motion_agent.motion_core.evaluation.caption_files import read_captions
from motion_agent.motion_core.evaluation.motion_files import read_motion as read_outputs
from motion_agent.motion_core.formats.joint_maps import read_map
from motion_agent.motion_core.json_text import parse_json
from motion_agent.motion_core.motiongpt.checkpoint import CONFIG, FORMAT, read_config
from motion_agent.motion_core.motionllm.backbone import is_whole
from motion_agent.motion_core.motionllm.checkpoint import load_checkpoint
from motion_agent.motion_core.motionllm.llama import LlamaConfig
from motion_agent.motion_core.motionllm.recipe import cost, load_recipe
from motion_agent.motion_core.motionllm.t2m_gpt_tokenizer import read_statistics
from motion_agent.motion_core.published_data import read_sequences
from motion_agent.motion_core.torch_files import read_torch_file

DEEP = "[" * 100_000
READS_ITS_OWN = {  # files that may call the readers of strangers' text themselves, and why
    "motion_core/json_text.py": "is the reader",
    "motion_core/yaml_file.py": "is the reader",
    "motion_core/llm_values.py": "every failure is None",
    "motion_core/torch_files.py": "is the reader",
    "agent_graph/lenient_json.py": "reads what it has just written",
    "motion_core/formats/character.py": "reads what it has just written",
    "src/motion_agent/cli/evaluate.py": "reads what it has just written",
    "motion_core/published_preparation.py": "reads what it has just written",
    "motion_core/datasets/prepare.py": "reads what it has just written",
    "motion_core/formats/fbx.py": "of a process of ours",
    "motion_core/formats/skin.py": "part of the package",
    "motion_core/motionllm/llama_server.py": "of the process that starts it",
    "motion_core/motionllm/tokenised.py": "kept beside a training of ours",
    "motion_core/training/run.py": "a training of ours, with weights_only",
}
_READERS = re.compile(r"json\.loads?\(|np\.load\(|yaml\.(?:safe_)?load\(|torch\.load\(")


def test_one_reader_of_each_kind_reads_what_strangers_write(repository: Path) -> None:
    for folder in ("agent_graph", "motion_core", "tools", "src/motion_agent"):
        for path in (repository / folder).rglob("*.py"):
            name = str(path.relative_to(repository))
            if not any(part.is_symlink() for part in path.parents) and name not in READS_ITS_OWN:
                found = _READERS.search(path.read_text(encoding="utf-8"))
                assert not found, f"{name} has {found and found[0]}: see json_text, yaml_file, npy"


# JSON ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [DEEP, '{"a":' * 100_000, b"\xff\xfe\x00", "[1" + "0" * 5000])
def test_whatever_is_wrong_with_json_is_a_value_error(text: str | bytes) -> None:
    with pytest.raises(ValueError):
        parse_json(text)


def rig(text: str) -> bytes:
    data = text.encode()
    return b"glTF" + b"\2\0\0\0" * 2 + len(data).to_bytes(4, "little") + b"JSON" + data


JSON_FILES: dict[str, tuple[str, Callable[[Path], Any]]] = {
    "a checkpoint": ("config.json", lambda path: load_checkpoint(path.parent)),
    "MotionGPT": (CONFIG, lambda path: read_config(path.parent)),
    "a prepared data set": ("dataset.json", lambda path: PreparedDataset.load(path.parent)),
    "DeepMimic": ("walk.json", deepmimic_joints),
    "a joint map": ("map.json", read_map),
    "sequences": ("sequences.json", read_sequences),
    "captions": ("captions.jsonl", read_captions),
    "records": ("records.jsonl", lambda path: Records(path.parent)),
}


@pytest.mark.parametrize("kind", JSON_FILES)
@pytest.mark.parametrize("text", [DEEP + "\n", "5\n", "[[1]]\n", '{"a": "\\ud800"}\n'])
def test_hostile_json_of_a_file_is_an_error_of_ours(kind: str, text: str, tmp_path: Path) -> None:
    name, read = JSON_FILES[kind]
    (tmp_path / name).write_text(text)
    with pytest.raises(MotionAgentError):
        read(tmp_path / name)


def test_hostile_json_in_a_rig_and_beside_weights(tmp_path: Path) -> None:
    for name in ("digests.json", "config.json"):
        (tmp_path / name).write_text(DEEP)
    assert not is_whole(tmp_path)
    assert LlamaConfig.read(tmp_path) is None
    for text in (DEEP, "[]", '{"nodes": 5, "animations": 5}', '{"nodes": [], "animations": [5]}'):
        (tmp_path / "rig.glb").write_bytes(rig(text))
        with pytest.raises(FormatError):
            RigFile(tmp_path / "rig.glb")


@pytest.mark.parametrize(
    "change",
    [
        {"training": {"t2m": 5}},
        {"training": 5},
        {"sampling": {"temperature": "hot"}},
        {"sampling": {"temperature": float("nan")}},
        {"sampling": {"takes": 10**9}},
        {"sampling": {"max_tokens": -1}},
        {"sampling": {"longest": 10**12}},
        {"adapters": {"t2m": {"rank": 4, "scale": "2"}, "m2t": {"rank": 2, "scale": 1.0}}},
        {"prompt": 5},
        {"digests": 5},
        {"digests": []},
        {"adapters": 5},
        {"words": 5},
        {"words": [5]},
        {"name": 5},
        {"backbone": 5},
        {"data": ["x"]},
        {"more": 1},
    ],
    ids=str,
)
def test_a_forged_config_of_a_checkpoint_is_damaged(
    change: dict[str, Any], tmp_path: Path, whole_config: dict[str, Any]
) -> None:
    from motion_agent.motion_core.motionllm.checkpoint import CheckpointConfig

    with pytest.raises((ValueError, TypeError, KeyError, MotionAgentError)):
        CheckpointConfig.from_dict({**whole_config, **change})


@pytest.fixture(scope="module")
def whole_config(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    made = checkpoint(tmp_path_factory.mktemp("toy"))
    found: dict[str, Any] = parse_json((made.folder / "config.json").read_text(encoding="utf-8"))
    return found


# Recipes -------------------------------------------------------------------------------------

_BASE = "direction: t2m\nbackbone: x\n"
_ALIASES = "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n"


@pytest.mark.parametrize(
    "text",
    [
        _ALIASES,
        "[" * 2000,
        "5",
        "1: t2m\n",
        _BASE + "codes: .inf\n",
        _BASE + "codes: [1]\n",
        _BASE + "training: 5\n",
        _BASE + "training: {rank: many}\n",
        _BASE + "training: {rank: 1" + "0" * 30 + "}\n",
        _BASE + "training: {lr: .nan}\n",
        _BASE + "training: {augmentation: {nose: 1}}\n",
        _BASE + "training: {5: 1}\n",
        _BASE + "shape: {layers: 2}\n",
        _BASE + "shape: {layers: a, width: 1, attention: 1, keys: 1, feed_forward: 1,"
        " vocabulary: 1, tied: true}\n",
        'direction: !!python/object/apply:os.getpid []\nbackbone: "x"\n',
    ],
)
def test_a_hostile_recipe_is_an_error_of_ours(text: str, tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(text)
    with pytest.raises(MotionAgentError, match="own"):
        cost(load_recipe(tmp_path / "own.yaml"))


# Arrays and weights --------------------------------------------------------------------------


def npy(shape: str, kind: str, data: bytes = b"") -> bytes:
    header = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}"
    header += " " * (63 - (len(header) + 10) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode() + data


@pytest.mark.parametrize(
    "data",
    [
        npy("(1000000000000,)", "<f4"),
        npy("(1" + "0" * 30 + ",)", "<f4"),
        npy("(263,)", "<U4", bytes(263 * 16)),
        npy("(263,)", "<c16", bytes(263 * 16)),
        npy("(263,)", "<M8[s]", bytes(263 * 8)),
        npy("(263,)", "|V4", bytes(263 * 4)),
        npy("(1,)", "|O", b"cos\ngetpid\n(tR."),
        pickle.dumps([1]),
        b"PK\x03\x04" + bytes(100),
        b"",
    ],
)
@pytest.mark.parametrize("read", [read_statistics, read_outputs])
def test_a_hostile_array_is_an_error_of_ours(
    read: Callable[[Path], Any], data: bytes, tmp_path: Path
) -> None:
    (tmp_path / "mean.npy").write_bytes(data)
    with pytest.raises(FormatError):
        read(tmp_path / "mean.npy")


def test_arrays_of_numpy_itself_are_read_as_they_are(tmp_path: Path) -> None:
    for values in (
        np.arange(263, dtype=np.float64),
        np.asfortranarray(np.ones((3, 263), np.float16)),
    ):
        np.save(tmp_path / "a.npy", values)
        from motion_agent.motion_core.formats.npy import map_npy, read_npy

        for found in (read_npy(tmp_path / "a.npy"), map_npy(tmp_path / "a.npy")):
            assert found.dtype == values.dtype
            np.testing.assert_array_equal(found, values)


def test_weights_that_are_packed_are_refused(tmp_path: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02X" + b"\xff\xff\xff\x7f" + bytes(1_000_000))
    (tmp_path / "motionllm.pth").write_bytes(packed.getvalue())
    with pytest.raises(FormatError, match="packed"):
        read_torch_file(tmp_path / "motionllm.pth")


def test_format_is_told_where_it_is_another(tmp_path: Path) -> None:
    (tmp_path / CONFIG).write_text(f'{{"format": "{FORMAT}", "codes": 1e999, "words": 1}}')
    with pytest.raises(MotionAgentError, match="damaged"):
        read_config(tmp_path)
