"""The README's sentence with the shipped checkpoint: the actions asked for, on sound limbs."""

from __future__ import annotations

import os

import numpy as np
import pytest

from motion_agent import Motion, MotionAgent
from motion_agent.agent_graph.agent import Turn
from motion_agent.motion_core.engine import GenerationRequest, Take
from motion_agent.motion_core.errors import UnavailableError
from motion_agent.motion_core.motionllm import MotionLLMEngine, load_motionllm
from motion_agent.motion_core.skeleton import BONE_LENGTHS, PARENTS

pytestmark = pytest.mark.slow

SENTENCE = "A person walks forward, then jumps forward, then sits down."


@pytest.fixture(scope="module")
def engine() -> MotionLLMEngine:
    engine = load_motionllm()
    try:
        engine.warm_up()
    except UnavailableError as err:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"the backbone cannot be had here: {err}")
    return engine


@pytest.fixture(scope="module")
def turn(engine: MotionLLMEngine) -> Turn:
    return MotionAgent(planner="offline", engine=engine).run(SENTENCE)


@pytest.fixture(scope="module")
def motion(turn: Turn) -> Motion:
    assert turn.motion is not None
    return turn.motion


def test_each_part_shows_its_action_to_the_captioner(
    motion: Motion, engine: MotionLLMEngine
) -> None:
    walks, jumps, sits = engine.caption([Take(segment.tokens) for segment in motion.segments])
    assert "walk" in walks
    assert "jump" in jumps or "hop" in jumps
    assert "sit" in sits


def test_the_person_gets_somewhere_walking_and_jumping_and_stays_where_they_sit(
    motion: Motion,
) -> None:
    root = motion.joints[:, 0]
    metres = [
        float(np.linalg.norm((root[end - 1] - root[first])[[0, 2]]))
        for _, first, end in motion.segment_frames()
    ]
    assert metres[0] > 1.5
    assert metres[1] > 0.5
    assert metres[2] < 0.6


def test_the_pelvis_goes_down_to_sit(motion: Motion) -> None:
    *_, (_, sit, sat) = motion.segment_frames()
    heights = motion.joints[sit:sat, 0, 1]
    assert heights.max() - heights.min() > 0.3  # metres, as far as a chair's seat


def test_limbs_keep_their_length_and_a_foot_is_on_the_ground(motion: Motion) -> None:
    joints = motion.joints
    bones = np.linalg.norm(joints[:, 1:] - joints[:, list(PARENTS[1:])], axis=-1)  # (T, 21)
    assert np.abs(bones.mean(axis=0) - BONE_LENGTHS[1:]).max() < 0.03
    assert np.percentile(np.abs(bones - BONE_LENGTHS[1:]), 99) < 0.1
    lowest = joints[:, [7, 8, 10, 11], 1].min(axis=1)
    assert lowest.min() > -0.1 and np.percentile(lowest, 90) < 0.25  # but for the jump


def test_no_joint_jumps_at_the_seams(motion: Motion) -> None:
    speed = np.linalg.norm(np.diff(motion.joints, axis=0), axis=-1).max(axis=1)  # metres a frame
    seams = [first for _, first, _ in motion.segment_frames()[1:]]
    at_seams = max(speed[seam - 2 : seam + 2].max() for seam in seams)
    assert at_seams < 0.25  # 5 m/s, what a fast hand does


def test_the_same_seed_makes_the_same_motion(motion: Motion, engine: MotionLLMEngine) -> None:
    again = MotionAgent(planner="offline", engine=engine).run(SENTENCE).motion
    assert again is not None and again.tokens == motion.tokens


def test_a_row_of_a_batch_is_what_it_is_alone(engine: MotionLLMEngine) -> None:
    """Prompts of other lengths, durations and ways to draw are padding to each other."""
    requests = [
        GenerationRequest("a person walks forward", seed=1, seconds=2.0, takes=1),
        GenerationRequest("bows", seed=2, takes=1),
        GenerationRequest("an angry person kicks with the left leg, slowly and twice", 3, 1.0, 1),
        GenerationRequest("a person waves with both hands", seed=4, seconds=1.6, greedy=True),
        GenerationRequest("a person walks forward", seed=5, seconds=2.0, takes=1),
    ]
    together = [answer.tokens for answer in engine.generate(requests)]
    alone = [engine.generate([request])[0].tokens for request in requests]
    backwards = [answer.tokens for answer in engine.generate(requests[::-1])][::-1]
    assert together == alone == backwards
    assert together[0] != together[4]  # another seed
    takes = [Take(tokens) for tokens in together]
    assert engine.caption(takes) == [engine.caption([take])[0] for take in takes]
