"""A folder of recordings such as somebody would train on, and a backbone small enough for it."""

from __future__ import annotations

from pathlib import Path

import motionllm_toys
import numpy as np

from motion_agent import Motion
from motion_agent.motion_core.fake import FakeEngine
from motion_agent.motion_core.skeleton import PARENTS, TARGET_OFFSETS

LEGS, ARMS, SPINE = [4, 5, 7, 8, 10, 11], [18, 19, 20, 21], [6, 9, 12, 15]

# What a command of the training needs in addition to be done in a second.
SMALL = {
    "tokenizer": ["--steps", "2", "--batch", "2", "--width", "16"],
    "t2m": ["--steps", "2", "--batch", "2", "--rank", "2"],
    "m2t": ["--steps", "2", "--batch", "2", "--rank", "2"],
    "matching": ["--steps", "2", "--batch", "4"],
}


def person(frames: int, *, sway: float = 0.1, speed: float = 0.02) -> np.ndarray:
    """Joints ``(frames, 22, 3)`` of somebody who glides forward and swings the left arm."""
    rest = np.zeros((22, 3))
    for joint, parent in enumerate(PARENTS[1:], start=1):
        rest[joint] = rest[parent] + TARGET_OFFSETS[joint]
    joints = np.repeat(rest[None] + [0, 0.95, 0], frames, axis=0)
    time = np.arange(frames)
    joints[..., 2] += speed * time[:, None]
    joints[:, 20, 2] += sway * np.sin(time / 5)
    return joints


def record(folder: Path, takes: int = 8) -> Path:
    """Recordings of three actions, each take of its own kind, and the table that names them."""
    folder.mkdir()
    generator = np.random.default_rng(0)
    standing = Motion(FakeEngine().decode([0] * 12)).joints  # (48, 22, 3)
    time = np.arange(len(standing))[:, None, None] / 20
    rows = ["file,action,style,caption,actor"]
    for action, parts in {"walk": LEGS, "wave both hands": ARMS, "bow": SPINE}.items():
        for take in range(takes):
            name = f"{action.replace(' ', '-')}-{take}.npy"
            swing = generator.uniform(-0.06, 0.06, (1, 1, 3))  # bones keep their lengths
            speed, phase = generator.uniform(2, 9, 2)
            joints = standing.copy()
            joints[:, parts] += swing * np.sin(speed * time + phase)
            np.save(folder / name, joints)
            rows.append(f"{name},{action},,,")
    (folder / "recordings.csv").write_text("\n".join(rows) + "\n")
    return folder


def save_backbone(folder: Path) -> Path:
    """A random Llama of two layers with its text tokenizer, as Hugging Face keeps them."""
    motionllm_toys.backbone().save_pretrained(folder)
    motionllm_toys.text_tokenizer().save_pretrained(folder)
    return folder
