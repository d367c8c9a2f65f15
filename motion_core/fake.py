"""`FakeEngine`: a motion engine without a model, for tests, demonstrations and teaching.

It keeps every promise of `MotionEngine` deterministically and in microseconds:

- a description's first known action decides the block of 32 tokens it draws from,
- `caption` names the actions of those blocks, so text → tokens → text round-trips,
- `decode` makes a standing figure that moves a little, `encode` gets its tokens back.

Its motion is not worth looking at. It records its calls (`generated`, `decoded`), so a test can
check "one batch, one decode".
"""

from __future__ import annotations

import hashlib
import re
import threading
import time
from collections.abc import Sequence
from itertools import groupby

import numpy as np

from .engine import (
    CancelToken,
    Coverage,
    GenerationRequest,
    Progress,
    Take,
    check_description,
    checked_progress,
)
from .errors import GenerationError, InputError
from .motion import FEATURES, FRAMES_PER_TOKEN, FloatArray, check_features
from .skeleton import FPS, JOINT_NAMES, PARENTS, TARGET_OFFSETS

CODES = 512
BLOCK = 32  # tokens an action can draw from

# Verb stem -> third person; the position is the block of tokens.
ACTIONS = {
    "stand": "stands",
    "walk": "walks",
    "run": "runs",
    "jump": "jumps",
    "wav": "waves",
    "bow": "bows",
    "sit": "sits",
    "kick": "kicks",
    "punch": "punches",
    "danc": "dances",
    "turn": "turns",
    "crawl": "crawls",
    "throw": "throws",
    "clap": "claps",
    "squat": "squats",
    "stretch": "stretches",
}

_KNOWN = re.compile(
    r"(a|an|the|and|then|while|with|on|in|at|to|of|from|his|her|their|its|it|they|he|she|as|who|is"
    r"|person|man|woman|someone|somebody|people|tired|happy|old|angry|proud|young"
    r"|both|left|right|hands?|arms?|legs?|foot|feet|body|knees?|head"
    r"|forwards?|backwards?|around|up|down|place|circle|slowly|quickly|fast|happily|angrily"
    r"|does|do|once|twice|times|one|two|three|four|five|seconds?|for)"
)
_STEMS = tuple(ACTIONS)
_METRES_PER_FRAME = {"walk": 0.06, "run": 0.15, "crawl": 0.02}
_MARK = 1e-6  # metres of root height per token, by which `encode` recognises the output of `decode`


class FakeEngine:
    """A `MotionEngine` that needs no weights.

    Args:
        delay: seconds each call to `generate` takes, to see progress or test cancellation.
        failure: raised by `generate` instead of a result.

    Attributes:
        generated: the requests of every call to `generate`, in order.
        decoded: the number of tokens of every call to `decode`, in order.
    """

    name = "fake-1"

    def __init__(self, *, delay: float = 0.0, failure: GenerationError | None = None) -> None:
        self.generated: list[tuple[GenerationRequest, ...]] = []
        self.decoded: list[int] = []
        self._delay = delay
        self._failure = failure
        self._lock = threading.Lock()

    def generate(
        self,
        requests: Sequence[GenerationRequest],
        *,
        progress: Progress | None = None,
        cancel: CancelToken | None = None,
    ) -> list[Take]:
        for request in requests:
            check_description(request.description)
        step = checked_progress(progress, cancel)
        with self._lock:
            self.generated.append(tuple(requests))
        if self._failure is not None:
            raise self._failure
        takes = []
        for done, request in enumerate(requests, start=1):
            time.sleep(self._delay / len(requests))
            takes.append(Take(_tokens(request)))
            if step is not None:
                step(done, len(requests))
        return takes

    def caption(
        self,
        takes: Sequence[Take],
        *,
        progress: Progress | None = None,
        cancel: CancelToken | None = None,
    ) -> list[str]:
        return [_caption(take.tokens or self._read(take)) for take in takes]

    def encode(self, features: FloatArray) -> tuple[int, ...]:
        features = check_features(features)
        count = max(1, len(features) // FRAMES_PER_TOKEN)
        height = features[: count * FRAMES_PER_TOKEN : FRAMES_PER_TOKEN, 3].astype(np.float64)
        return tuple(int(t) for t in np.rint((height - _pelvis_height()) / _MARK) % CODES)

    def decode(
        self,
        tokens: Sequence[int],
        *,
        progress: Progress | None = None,
        cancel: CancelToken | None = None,
    ) -> FloatArray:
        if not tokens:
            raise InputError("there are no motion tokens to decode")
        with self._lock:
            self.decoded.append(len(tokens))
        return _features(np.asarray(tokens))

    def coverage(self, description: str) -> Coverage:
        words = re.findall(r"[^\W\d_]+", description.lower())
        unknown = [w for w in words if not _KNOWN.fullmatch(w) and not w.startswith(_STEMS)]
        if not words:
            return Coverage(0.0)
        return Coverage(1 - len(unknown) / len(words), tuple(dict.fromkeys(unknown)))

    def _read(self, take: Take) -> tuple[int, ...]:
        if take.features is None:
            raise InputError("there is no motion to caption: neither tokens nor features")
        return self.encode(take.features)


def _tokens(request: GenerationRequest) -> tuple[int, ...]:
    words = re.findall(r"[a-z]+", request.description.lower())
    block = next((i for w in words for i, s in enumerate(_STEMS) if w.startswith(s)), 0)
    seed = 0 if request.greedy else request.seed
    digest = hashlib.sha256(f"{request.description}|{seed}".encode()).digest()
    if request.seconds is None:
        count = 8 + digest[0] % 8  # 1.6 to 3 s
    else:
        count = max(1, round(request.seconds * FPS / FRAMES_PER_TOKEN))
    return tuple(block * BLOCK + digest[i % len(digest)] % BLOCK for i in range(count))


def _caption(tokens: Sequence[int]) -> str:
    blocks = [block for block, _ in groupby(token // BLOCK for token in tokens)]
    verbs = list(ACTIONS.values())
    return "a person " + ", then ".join(verbs[block] for block in blocks)


def _features(tokens: np.ndarray) -> FloatArray:
    joints = np.zeros((len(JOINT_NAMES), 3))
    for joint in range(1, len(JOINT_NAMES)):
        joints[joint] = joints[PARENTS[joint]] + TARGET_OFFSETS[joint]
    joints[:, 1] += _pelvis_height()

    per_frame = np.repeat(tokens, FRAMES_PER_TOKEN)  # (4n,)
    features = np.zeros((len(per_frame), FEATURES))
    speeds = np.array([_METRES_PER_FRAME.get(stem, 0.0) for stem in _STEMS])
    features[:, 2] = speeds[per_frame // BLOCK]
    features[:, 3] = _pelvis_height() + per_frame * _MARK
    features[:, 4:67] = joints[1:].reshape(-1)
    features[:, 67:193] = np.tile([1, 0, 0, 0, 1, 0], 21)  # identity in 6-D
    features[:, 195:259:3] = features[:, 2:3]
    features[:, 259:263] = 1.0
    # Wrists bob with the token, so that a rendered fake visibly moves.
    features[:, 4 + 3 * 19 + 1] += 0.2 * np.sin(np.arange(len(per_frame)) / 3)
    features[:, 4 + 3 * 20 + 1] -= 0.2 * np.sin(np.arange(len(per_frame)) / 3)
    return features.astype(np.float32)


def _pelvis_height() -> float:
    left_leg = (1, 4, 7, 10)
    return float(-sum(TARGET_OFFSETS[joint, 1] for joint in left_leg))
