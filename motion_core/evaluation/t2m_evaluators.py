"""The T2M evaluators: the networks in whose space published tables are measured.

    checkpoints/t2m/text_mot_match/model/finest.tar   movement_encoder, motion_encoder, text_encoder
    glove/our_vab_data.npy, our_vab_words.pkl, our_vab_idx.pkl   word vectors
    meta/mean.npy, std.npy                            of the features that they were trained with

    motion (T, 263) -> normalise -> without contacts -> 2 convolutions (T/4) -> bi-GRU -> (512,)
    word/POS …      -> GloVe + part of speech --------------------------------> bi-GRU -> (512,)

Source: Guo et al., CVPR 2022, supplement; layout and layers of ``networks/modules.py`` in
https://github.com/EricGuo5513/text-to-motion. Layer sizes are read from the file.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence

from ..errors import ConfigurationError, FormatError, InputError
from ..formats.npy import read_npy
from ..motion import FloatArray
from ..torch_files import read_torch_file

LONGEST_CAPTION = 20  # words; the rest is ignored
LONGEST_MOTION = 196  # frames
BATCH = 32  # batch size of the authors' loader
_UNIT = 4
_CONTACTS = 4
_TAGS = (
    "VERB", "NOUN", "DET", "ADP", "NUM", "AUX", "PRON", "ADJ", "ADV",
    "Loc_VIP", "Body_VIP", "Obj_VIP", "Act_VIP", "Desc_VIP", "OTHER",
)  # fmt: skip
_WORDS = {
    "Loc_VIP": "left right clockwise counterclockwise anticlockwise forward back backward up down"
    " straight curve",
    "Body_VIP": "arm chin foot feet face hand mouth leg waist eye knee shoulder thigh",
    "Obj_VIP": "stair dumbbell chair window floor car ball handrail baseball basketball",
    "Act_VIP": "walk run swing pick bring kick put squat throw hop dance jump turn stumble stop sit"
    " lift lower raise wash stand kneel stroll rub bend balance flap jog shuffle lean rotate spin"
    " spread climb",
    "Desc_VIP": "slowly carefully fast careful slow quickly happy angry sad happily angrily sadly",
}
_TAG_OF = {word: tag for tag, words in _WORDS.items() for word in words.split()}


class T2MEvaluators:
    """Embeds features and tagged captions as published evaluations do.

    Args:
        folder: searched for ``finest.tar``, ``our_vab_*`` and ``mean.npy``, ``std.npy``.

    Raises:
        InputError: a file is missing, or there is more than one of that name.
        FormatError: a file is damaged.
        ConfigurationError: the files do not belong together.
    """

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder)
        state = read_torch_file(self._find("finest.tar"))
        parts = {}
        for name in ("movement_encoder", "motion_encoder", "text_encoder"):
            weights = state.get(name)
            if not isinstance(weights, Mapping):
                raise FormatError(f"{self._find('finest.tar')} has no {name!r}; download it again")
            parts[name] = weights
        try:
            self._movement = _Movement(parts["movement_encoder"])
            self._motion = _Recurrent(parts["motion_encoder"])
            self._text = _Recurrent(parts["text_encoder"], tagged=True)
        except (KeyError, RuntimeError) as err:
            reason = str(err).strip().splitlines()[0]
            raise FormatError(
                f"{self._find('finest.tar')} holds other networks ({reason})"
            ) from err
        self._vectors, self._index = self._glove()
        self.mean, self.std = (self._array(f"{n}.npy") for n in ("mean", "std"))
        self.features = self._movement.inputs + _CONTACTS
        if self.mean.shape != (self.features,) or self.std.shape != self.mean.shape:
            raise ConfigurationError(
                f"the evaluators in {folder} read {self.features} features, mean.npy and std.npy"
                f" are of {self.mean.shape} and {self.std.shape}"
            )
        if self._vectors.shape[1] != self._text.words:
            raise ConfigurationError(
                f"the evaluators in {folder} read word vectors of {self._text.words} numbers, those"
                f" in our_vab_data.npy have {self._vectors.shape[1]}"
            )

    @torch.inference_mode()
    def embed_motions(self, motions: Sequence[FloatArray]) -> FloatArray:
        """Return points ``(N, 512)`` of raw features ``(T, 263)``, at least 4 frames, cut to 196.

        Raises:
            InputError: there is no motion, a shorter one, or one of another shape.
        """
        points = []
        for motion in motions:
            array = np.asarray(motion, dtype=np.float32)
            frames = min(len(array), LONGEST_MOTION) // _UNIT * _UNIT
            if array.ndim != 2 or array.shape[1] != self.features or not frames:
                raise InputError(
                    f"a motion has the shape {array.shape}; the evaluators read"
                    f" (4 or more, {self.features})"
                )
            normal = (array[:frames] - self.mean) / self.std
            inputs = torch.from_numpy(normal[None, :, :-_CONTACTS]).float()
            points.append(self._motion(self._movement(inputs), torch.tensor([frames // _UNIT])))
        if not points:
            raise InputError("there is no motion to embed")
        found: FloatArray = torch.cat(points).numpy()
        return found

    @torch.inference_mode()
    def embed_captions(self, captions: Sequence[Sequence[str]]) -> FloatArray:
        """Return points ``(N, 512)`` of captions, each as its tagged words, ``("walk/VERB", …)``.

        Raises:
            InputError: there is no caption.
        """
        points = []
        for tokens in captions:
            whole = ["sos/OTHER", *tokens[:LONGEST_CAPTION], "eos/OTHER"]
            pairs = [self._word(token) for token in whole]
            words = torch.from_numpy(np.stack([word for word, _ in pairs])[None]).float()
            tags = torch.from_numpy(np.stack([tag for _, tag in pairs])[None]).float()
            points.append(self._text(words, torch.tensor([len(pairs)]), tags))
        if not points:
            raise InputError("there is no caption to embed")
        found: FloatArray = torch.cat(points).numpy()
        return found

    def _word(self, token: str) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return vector and part of speech of ``word/POS``; all unknown words share one."""
        word, _, tag = token.rpartition("/")
        if word not in self._index:
            word, tag = "unk", "OTHER"
        tag = _TAG_OF.get(word, tag)
        one = np.zeros(len(_TAGS))
        one[_TAGS.index(tag if tag in _TAGS else "OTHER")] = 1.0
        return self._vectors[self._index[word]], one

    def _glove(self) -> tuple[NDArray[Any], dict[str, int]]:
        vectors = self._array("our_vab_data.npy")
        index = _read_plain_pickle(self._find("our_vab_idx.pkl"))
        whole = isinstance(index, dict) and all(
            isinstance(word, str) and isinstance(at, int) and 0 <= at < len(vectors)
            for word, at in index.items()
        )
        if not whole or not {"unk", "sos", "eos"} <= index.keys() or vectors.ndim != 2:
            raise FormatError(f"{self._find('our_vab_idx.pkl')} does not fit our_vab_data.npy")
        return vectors, index

    def _array(self, name: str) -> NDArray[Any]:
        path = self._find(name)
        try:
            return read_npy(path)
        except (OSError, ValueError) as err:
            raise FormatError(f"{path} is damaged; download it again") from err

    def _find(self, name: str) -> Path:
        paths = sorted(self.folder.rglob(name))
        if not paths:
            raise InputError(
                f"the T2M evaluators need {name}, which is not in {self.folder}: download the "
                "authors' evaluators and GloVe files"
            )
        if len(paths) > 1:
            raise InputError(f"there are {len(paths)} files {name} in {self.folder}; keep one")
        return paths[0]


class _Movement(nn.Module):
    """Two stride-2 convolutions and a linear layer: ``(B, T, F)`` -> ``(B, T/4, D)``."""

    def __init__(self, state: Mapping[str, Tensor]) -> None:
        super().__init__()
        hidden, self.inputs, _ = state["main.0.weight"].shape
        out = state["main.3.weight"].shape[0]
        self.main = nn.Sequential(
            nn.Conv1d(self.inputs, hidden, 4, 2, 1),
            nn.Identity(),  # their dropout
            nn.LeakyReLU(0.2),
            nn.Conv1d(hidden, out, 4, 2, 1),
            nn.Identity(),
            nn.LeakyReLU(0.2),
        )
        self.out_net = nn.Linear(out, out)
        self.load_state_dict(state)
        self.eval().requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.out_net(self.main(x.transpose(1, 2)).transpose(1, 2))
        return out


class _Recurrent(nn.Module):
    """A bidirectional GRU and an MLP over its last states: ``(B, T, D)`` -> ``(B, 512)``."""

    def __init__(self, state: Mapping[str, Tensor], *, tagged: bool = False) -> None:
        super().__init__()
        hidden, self.words = state["input_emb.weight"].shape
        out = state["output_net.3.weight"].shape[0]
        if tagged:
            self.pos_emb = nn.Linear(len(_TAGS), self.words)
        self.input_emb = nn.Linear(self.words, hidden)
        self.gru = nn.GRU(hidden, hidden, batch_first=True, bidirectional=True)
        self.output_net = nn.Sequential(
            nn.Linear(2 * hidden, hidden),
            nn.LayerNorm(hidden),
            nn.LeakyReLU(0.2),
            nn.Linear(hidden, out),
        )
        self.hidden = nn.Parameter(torch.zeros(2, 1, hidden))
        self.load_state_dict(state)
        self.eval().requires_grad_(False)

    def forward(self, x: Tensor, lengths: Tensor, tags: Tensor | None = None) -> Tensor:
        if tags is not None:
            x = x + self.pos_emb(tags)
        packed = pack_padded_sequence(
            self.input_emb(x), lengths, batch_first=True, enforce_sorted=False
        )
        _, last = self.gru(packed, self.hidden.repeat(1, len(x), 1))
        out: Tensor = self.output_net(torch.cat([last[0], last[1]], dim=-1))
        return out


class _Plain(pickle.Unpickler):
    """Reads only built-in values; a file that names a class or function is refused."""

    def find_class(self, module: str, name: str) -> Any:
        raise FormatError(f"it holds objects of {module}.{name}")


def _read_plain_pickle(path: Path) -> Any:
    try:
        with path.open("rb") as file:
            return _Plain(file).load()
    except FormatError as err:
        raise FormatError(
            f"{path} is refused: {err}, but only words and numbers are expected"
        ) from err
    except (OSError, pickle.UnpicklingError, EOFError, ValueError, IndexError, KeyError) as err:
        raise FormatError(f"{path} is damaged; download it again") from err
