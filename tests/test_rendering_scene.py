"""The mannequin, placements of people, and the camera."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from rendering_people import standing, walker

from motion_agent.motion_core.errors import InputError
from motion_agent.motion_core.figure import GROUND
from motion_agent.motion_core.motion import Motion
from motion_agent.motion_core.rendering import Body, Placement
from motion_agent.motion_core.rendering.camera import plan_camera, plan_portraits
from motion_agent.motion_core.rendering.mannequin import (
    PARTS,
    POINT_NAMES,
    body_points,
    facing,
)
from motion_agent.motion_core.rendering.scene import Seam, make_scene
from motion_agent.motion_core.representation import (
    features_to_joints,
    joints_to_features,
    mirror_joints,
)

SIZE = (960, 460)


def point(name: str) -> int:
    return POINT_NAMES.index(name)


def test_body_points_begin_with_the_joints_unchanged() -> None:
    joints = walker().joints
    np.testing.assert_array_equal(body_points(joints)[:, :22], joints)


def test_the_skull_is_above_the_neck_and_the_chin_in_front_of_it() -> None:
    points = body_points(standing().astype(np.float32))
    neck, skull, chin = (points[point(name)] for name in ("neck", "skull", "chin"))
    assert skull[1] - neck[1] == pytest.approx(0.12, abs=0.03)
    assert chin[2] - neck[2] == pytest.approx(0.07, abs=0.03)
    assert abs(skull[0] - neck[0]) < 5e-3


def test_mirrored_joints_give_the_mirrored_body() -> None:
    joints = walker().joints.astype(np.float64)
    points, mirrored = body_points(joints), body_points(mirror_joints(joints))
    for name in ("skull", "throat"):
        np.testing.assert_allclose(
            mirrored[:, point(name)], points[:, point(name)] * [-1, 1, 1], atol=1e-5
        )
    np.testing.assert_allclose(
        mirrored[:, point("left_hand")], points[:, point("right_hand")] * [-1, 1, 1], atol=1e-5
    )


def test_the_feet_of_recorded_people_stand_on_the_drawn_floor(shared_data) -> None:
    joints = np.load(shared_data / "humanml3d-sample" / "new_joints" / "007005.npy")
    lowest = lowest_soles(joints)
    assert np.median(lowest) == pytest.approx(GROUND, abs=0.02)
    assert lowest.min() > GROUND - 0.05


def test_the_lowest_step_of_a_walk_touches_the_drawn_floor() -> None:
    joints = np.load(Path(__file__).parent / "samples" / "walk.npy")
    lowest = lowest_soles(features_to_joints(joints_to_features(joints)))
    assert lowest.min() == pytest.approx(GROUND, abs=0.02)


def lowest_soles(joints: np.ndarray) -> np.ndarray:
    """The height of the lowest point of the feet in each frame, ``(T,)``."""
    points = body_points(joints.astype(np.float32))
    soles = [
        np.minimum(
            points[:, part.start, 1] - part.start_radius, points[:, part.end, 1] - part.end_radius
        )
        for part in PARTS
    ]
    return np.min(soles, axis=0)


def test_facing_is_where_the_person_looks() -> None:
    np.testing.assert_allclose(facing(standing()), [0, 1], atol=1e-5)


def test_a_placement_turns_and_moves_a_person() -> None:
    motion = walker()
    scene = make_scene([Body(motion), Body(motion, Placement(180, 0, 1))])
    first, second = scene.people
    np.testing.assert_allclose(second[:, 0], first[:, 0] * [-1, 1, -1] + [0, 0, 1], atol=1e-5)
    np.testing.assert_allclose(facing(second), -facing(first), atol=1e-5)


def test_a_quarter_turn_looks_along_x() -> None:
    scene = make_scene([Body(walker(), Placement(theta=90))])
    np.testing.assert_allclose(facing(scene.people[0])[0], [1, 0], atol=1e-5)


def test_who_ends_early_stands_still_until_the_end() -> None:
    scene = make_scene([Body(walker(24)), Body(walker(8))])
    assert scene.frames == 24
    np.testing.assert_array_equal(scene.people[1][8:], scene.people[1][[7]].repeat(16, axis=0))


def test_seams_are_where_segments_join() -> None:
    motion = walker(24, words=("a", "b", "c"))
    scene = make_scene([Body(motion, bad_seams=(0,)), Body(walker(24))])
    assert scene.seams == ((Seam(8, bad=True), Seam(16)), ())


@pytest.mark.parametrize("seam", [-1, 2])
def test_a_seam_that_is_not_there_is_refused(seam: int) -> None:
    with pytest.raises(InputError, match=f"no seam {seam}; the motion has 2"):
        make_scene([Body(walker(24, words=("a", "b", "c")), bad_seams=(seam,))])


def test_a_foot_that_points_down_rests_on_the_floor_and_not_below_it() -> None:
    joints = standing()[None].astype(np.float32)
    joints[:, [7, 8], 1] += 0.05  # heels up
    points = body_points(joints)
    for name, radius in (("left_toes", 0.027), ("right_toes", 0.027), ("left_heel", 0.040)):
        assert points[0, point(name), 1] - radius >= GROUND - 1e-6


@pytest.mark.parametrize("count", [0, 3])
def test_people_who_cannot_be_drawn_are_refused(count: int) -> None:
    with pytest.raises(InputError, match=f"{count} people"):
        make_scene([Body(walker(8))] * count)


def test_a_placement_that_is_not_finite_is_refused() -> None:
    with pytest.raises(InputError, match="not finite"):
        make_scene([Body(walker(8), Placement(x=float("nan")))])


def in_picture(pixels: np.ndarray) -> np.ndarray:
    return ((pixels >= 0) & (pixels <= SIZE)).all(axis=-1)


def test_a_standing_camera_sees_the_whole_of_a_short_path() -> None:
    body = make_scene(walker(60, speed=0.8)).people[0]
    path = plan_camera([body], SIZE)
    assert path.travel is None
    assert in_picture(path.camera.project(body)[0]).all()


@pytest.mark.parametrize("placement", [Placement(), Placement(180, 0.5, 1.5)])
def test_the_camera_shows_a_person_from_ahead_and_large(placement: Placement) -> None:
    body = make_scene([Body(walker(24, speed=0.0), placement)]).people[0]
    camera = plan_camera([body], SIZE).camera
    towards = facing(body[0]) @ -camera.axes[2, [0, 2]] / np.linalg.norm(camera.axes[2, [0, 2]])
    assert towards > 0.5  # not further than 60 degrees off
    pixels, _ = camera.project(body[0])
    assert np.ptp(pixels[:, 1]) > 0.65 * SIZE[1]


def test_a_long_path_is_followed_smoothly_and_without_turning() -> None:
    body = make_scene(walker(400, speed=2.0)).people[0]
    path = plan_camera([body], SIZE)
    assert path.travel is not None
    for frame in range(0, 400, 7):
        assert in_picture(path.at(frame).project(body[frame])[0]).all()
        np.testing.assert_array_equal(path.at(frame).axes, path.camera.axes)
    jolt = np.diff(path.travel, n=2, axis=0)  # metres per frame squared
    assert np.abs(jolt).max() < 0.01


def test_a_jump_far_away_does_not_make_the_person_a_dot() -> None:
    body = make_scene(walker(200)).people[0].copy()
    body[100:] += np.array([90, 0, 0], dtype=np.float32)
    path = plan_camera([body], SIZE)
    assert path.travel is not None
    for frame in (0, 60, 140, 199):
        pixels, _ = path.at(frame).project(body[frame])
        assert in_picture(pixels).all()
        assert np.ptp(pixels[:, 1]) > 0.4 * SIZE[1]


def test_portraits_have_the_person_in_the_middle() -> None:
    body = make_scene(walker(200, speed=3.0)).people[0]
    path = plan_portraits([body], [0, 90, 199], (224, 360))
    for frame in (0, 90, 199):
        pixels, _ = path.at(frame).project(body[frame])
        assert abs(pixels[0, 0] - 112) < 30
        assert np.ptp(pixels[:, 1]) > 200


def test_one_frame_can_be_seen() -> None:
    motion = Motion(walker(8).features[:1])
    body = make_scene(motion).people[0]
    for mode in ("frame", "follow"):
        assert in_picture(plan_camera([body], SIZE, mode=mode).at(0).project(body[0])[0]).all()
