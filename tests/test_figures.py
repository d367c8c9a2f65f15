"""Bodies as meshes on bones: one mannequin everywhere, and characters of the user's own."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.spatial import cKDTree
from test_character import chibi, glb, walk  # noqa: F401 - fixtures
from test_cli_motion import invoke
from test_formats_glb import Glb
from test_formats_gltf import gltf, raise_arm
from test_rendering_player import unpacked

from motion_agent import Motion
from motion_agent.motion_core.errors import FormatError, InputError
from motion_agent.motion_core.exporting import export
from motion_agent.motion_core.figure import GROUND
from motion_agent.motion_core.formats.character import load_character
from motion_agent.motion_core.formats.gltf import gltf_recording, parse_gltf
from motion_agent.motion_core.formats.skin import mannequin_figure, standard_skin
from motion_agent.motion_core.rendering import Body, Placement
from motion_agent.motion_core.rendering.camera import plan_camera
from motion_agent.motion_core.rendering.mannequin import PARTS, body_points
from motion_agent.motion_core.rendering.palette import PALETTES
from motion_agent.motion_core.rendering.player import player_page
from motion_agent.motion_core.rendering.scene import make_scene
from motion_agent.motion_core.rendering.shading import PeoplePainter, colour_ramp
from motion_agent.motion_core.rendering.skinning import make_skin
from motion_agent.motion_core.rendering.stage import Stage
from motion_agent.motion_core.rendering.surfaces import FigurePainter, fragments

ORANGE = [255, 140, 0]


@pytest.fixture
def puppet(walk: Motion, tmp_path: Path) -> Path:  # noqa: F811
    """A character with a skin whose right poses are known: our own mannequin."""
    return walk.export(tmp_path / "puppet.glb")


@pytest.fixture
def hatted(tmp_path: Path) -> Path:
    """The chibi rig with a box on its head, orange, which follows the head as it is."""
    tree = gltf({"Wave": raise_arm()})
    corners = np.stack(np.meshgrid([-0.1, 0.1], [0.0, 0.2], [-0.1, 0.1]), axis=-1).reshape(-1, 3)
    faces = [[0, 1, 3], [0, 3, 2], [4, 7, 5], [4, 6, 7], [0, 4, 5], [0, 5, 1]]
    faces += [[2, 3, 7], [2, 7, 6], [0, 2, 6], [0, 6, 4], [1, 5, 7], [1, 7, 3]]
    data = base64.b64decode(tree["buffers"][0]["uri"].partition(",")[2])
    data += b"\0" * (-len(data) % 4)
    start = len(data)
    data += corners.astype("<f4").tobytes() + np.array(faces, dtype="<u2").tobytes()
    tree["buffers"][0] = {"byteLength": len(data), "uri": "," + base64.b64encode(data).decode()}
    tree["bufferViews"] += [
        {"buffer": 0, "byteOffset": start, "byteLength": 96},
        {"buffer": 0, "byteOffset": start + 96, "byteLength": 72},
    ]
    views, accessors = len(tree["bufferViews"]), len(tree["accessors"])
    tree["accessors"] += [
        {"bufferView": views - 2, "componentType": 5126, "count": 8, "type": "VEC3"},
        {"bufferView": views - 1, "componentType": 5123, "count": 36, "type": "SCALAR"},
    ]
    primitive = {"attributes": {"POSITION": accessors}, "indices": accessors + 1, "material": 0}
    linear = [1.0, 0.2623, 0.0, 1.0]
    tree["materials"] = [{"pbrMetallicRoughness": {"baseColorFactor": linear}}]
    tree["meshes"] = [{"primitives": [primitive]}]
    tree["nodes"].append({"name": "Hat", "mesh": 0})
    head = next(node for node in tree["nodes"] if node["name"] == "Head")
    head.setdefault("children", []).append(len(tree["nodes"]) - 1)
    return glb(tmp_path / "hatted.glb", tree)


# --- One mannequin --------------------------------------------------------------------------------


def test_the_asset_is_what_the_round_cones_melt_into() -> None:
    """Up to what another machine's arithmetic may do to single cells of the grid."""
    fresh, kept = make_skin(), standard_skin()
    assert abs(len(fresh.vertices) - len(kept.vertices)) < 20
    apart, nearest = cKDTree(kept.vertices).query(fresh.vertices)
    assert apart.mean() < 2e-4 and apart.max() < 0.01
    strongest = fresh.joints[:, 0] == kept.joints[nearest, 0]
    assert strongest.mean() > 0.99
    assert np.abs(fresh.weights[:, 0] - kept.weights[nearest, 0]).mean() < 5e-3


def test_a_video_shows_the_body_that_pages_and_glb_show(walk: Motion) -> None:  # noqa: F811
    """Painted as round cones, for speed, or as the mesh: the same silhouette and colours."""
    points = body_points(walk.joints)
    size = (480, 480)
    camera = plan_camera([points], size).at(12)
    people = PALETTES["light"].people[0]
    cones, mesh = (np.zeros((size[1], size[0], 3), dtype=np.uint8) for _ in range(2))
    ramps = [[colour_ramp(people[part.side]) for part in PARTS]]
    PeoplePainter(ramps).paint(cones, camera, [points[12]])
    FigurePainter(mannequin_figure(walk), people).paint(mesh, camera, 12)
    first, second = (image.sum(axis=-1) > 90 for image in (cones, mesh))
    assert (first & second).sum() / (first | second).sum() > 0.9
    both = first & second
    hues = [
        image[both].astype(float) / image[both].max(axis=1, keepdims=True)
        for image in (cones, mesh)
    ]
    assert np.abs(hues[0] - hues[1]).mean() < 0.06


def scene_of(page: str) -> dict[str, Any]:
    found = re.search(r'<script id="scene" type="application/json">(.*?)</script>', page)
    assert found is not None
    scene: dict[str, Any] = json.loads(found[1])
    return scene


def test_page_and_glb_hold_the_same_mesh_on_the_same_bones(
    walk: Motion,  # noqa: F811
    tmp_path: Path,
) -> None:
    figure = mannequin_figure(walk)
    scene = scene_of(player_page(walk))
    (person,) = scene["people"]
    file = Glb(walk.export(tmp_path / "walk.glb"))
    (primitive,) = file.json["meshes"][0]["primitives"]
    vertices = unpacked(person["vertices"])
    np.testing.assert_allclose(vertices, figure.mesh.vertices, atol=1.01e-4)
    np.testing.assert_allclose(
        vertices, file.array(primitive["attributes"]["POSITION"]), atol=1.1e-4
    )
    triangles = unpacked(scene["meshes"][person["mesh"]]["triangles"])
    np.testing.assert_array_equal(triangles.ravel(), file.array(primitive["indices"]).ravel())
    pivots = np.reshape(person["bones"]["pivots"], (-1, 3))
    np.testing.assert_allclose(pivots, figure.bones.pivots, atol=1e-4)
    np.testing.assert_allclose(figure.bones.where()[:, 0], walk.joints[:, 0], atol=1e-6)


def test_two_mannequins_share_what_does_not_differ(walk: Motion) -> None:  # noqa: F811
    page = player_page([Body(walk), Body(walk, Placement(180, 0, 1))])
    scene = scene_of(page)
    assert len(scene["meshes"]) == 1
    assert [person["mesh"] for person in scene["people"]] == [0, 0]


# --- Characters -----------------------------------------------------------------------------------


def test_our_mannequin_as_a_character_moves_as_itself(walk: Motion, puppet: Path) -> None:  # noqa: F811
    joints, figure = load_character(puppet).figure(walk)
    own = mannequin_figure(walk)
    lift = GROUND - (own.mesh.vertices[:, 1].min() - walk.joints[:, 0, 1].mean())
    for frame in (0, 12):
        apart = figure.posed(frame)[0] - own.posed(frame)[0]
        apart -= apart.mean(axis=0) * [0, 1, 0]  # it stands on its soles
        assert np.linalg.norm(apart, axis=1).mean() < 0.01
    assert np.isfinite(lift) and joints.shape == walk.joints.shape
    apart = joints - walk.joints
    assert np.linalg.norm(apart - apart.mean(axis=(0, 1)), axis=-1).mean() < 0.01


def test_what_is_shown_is_what_is_written(walk: Motion, hatted: Path, tmp_path: Path) -> None:  # noqa: F811
    """Pictures and the exported GLB have the same joints, up to the floor they stand on."""
    joints, figure = load_character(hatted).figure(walk)
    (written,) = export(walk, tmp_path / "out.glb", character=hatted)
    recording = gltf_recording(parse_gltf(written.read_bytes(), tmp_path))
    for name, at in (("Hand.L", 20), ("Foot.R", 8), ("Head", 15)):
        there = recording.positions([recording.names.index(name)])[:, 0]
        shift = joints[:, at] - there
        np.testing.assert_allclose(shift, np.broadcast_to(shift[:1], shift.shape), atol=1e-4)
        np.testing.assert_allclose(shift[0, [0, 2]], 0, atol=1e-4)
    hat = figure.posed(5)[0]
    assert np.linalg.norm(hat.mean(axis=0) - joints[5, 15]) == pytest.approx(0.1, abs=0.01)


def test_a_character_is_drawn_in_its_own_colours(walk: Motion, hatted: Path) -> None:  # noqa: F811
    scene = make_scene([Body(walk, character=load_character(hatted))])
    picture = Stage(scene, (320, 320)).paint(10).astype(int)
    orange = (picture[..., 0] > 150) & (picture[..., 2] < 60)
    assert orange.sum() > 100
    described = scene_of(player_page([Body(walk, character=load_character(hatted))]))
    colours = base64.b64decode(described["meshes"][0]["colours"])
    assert list(colours[:3]) == ORANGE
    (low, high) = described["people"][0]["reach"]
    assert high[1] - low[1] > 0.5


def test_two_people_may_be_a_character_and_the_mannequin(walk: Motion, hatted: Path) -> None:  # noqa: F811
    bodies = [Body(walk, Placement(0, 0, 0.5)), Body(walk, Placement(), (), load_character(hatted))]
    picture = Stage(make_scene(bodies), (320, 320)).paint(0)
    assert picture.std() > 5
    assert len(scene_of(player_page(bodies))["meshes"]) == 2


def test_a_rig_without_a_mesh_can_be_written_but_not_shown(
    walk: Motion,  # noqa: F811
    chibi: Path,  # noqa: F811
    tmp_path: Path,
) -> None:
    export(walk, tmp_path / "out.glb", character=chibi)
    with pytest.raises(FormatError, match=r"chibi.glb has a skeleton and no mesh"):
        export(walk, tmp_path / "out.html", character=chibi)
    with pytest.raises(InputError, match=r"shown in .mp4, .gif, .html, .png; not as out.bvh"):
        export(walk, tmp_path / "out.bvh", character=chibi)


@pytest.mark.parametrize("damage", ["triangles", "joints", "texture"])
def test_damaged_meshes_are_refused_in_one_line(
    walk: Motion,  # noqa: F811
    puppet: Path,
    tmp_path: Path,
    damage: str,
) -> None:
    file = Glb(puppet)
    tree = json.loads(json.dumps(file.json))
    primitive = tree["meshes"][0]["primitives"][0]
    if damage == "triangles":
        tree["accessors"][primitive["attributes"]["POSITION"]]["count"] = 5
    elif damage == "joints":
        tree["skins"][0]["joints"] = tree["skins"][0]["joints"][:3]
    else:
        tree["textures"][0]["source"] = 7
    tree["buffers"][0]["uri"] = "," + base64.b64encode(bytes(file.binary)).decode()
    bad = glb(tmp_path / "bad.glb", tree)
    with pytest.raises(FormatError, match=r"bad.glb (is damaged|has)"):
        export(walk, tmp_path / "out.png", character=bad)


def test_the_terminal_shows_characters_in_pages_and_pictures(
    walk: Motion,  # noqa: F811
    hatted: Path,
    tmp_path: Path,
) -> None:
    motion = walk.export(tmp_path / "walk.npz")
    page, picture = tmp_path / "walk.html", tmp_path / "walk.png"
    shown = ["--character", str(hatted)]
    assert invoke("view", motion, "--no-open", "--out", page, *shown).exit_code == 0
    assert len(base64.b64decode(scene_of(page.read_text())["meshes"][0]["colours"])) == 24
    assert invoke("render", motion, "--out", picture, "--time", "0.3", *shown).exit_code == 0
    assert picture.stat().st_size > 1000
    wrong = invoke("run", "a person walks", "--character", str(motion), "--out", tmp_path)
    assert wrong.exit_code == 2 and "no .glb or .vrm" in wrong.stderr


# --- Triangles ------------------------------------------------------------------------------------


def test_a_triangle_covers_its_pixels_and_the_nearest_is_seen() -> None:
    corners = np.array([[[0, 0], [20, 0], [0, 20]], [[-5, -5], [60, -5], [-5, 60]]], np.float32)
    seen = fragments(corners, np.array([[0.5] * 3, [0.25] * 3], np.float32), (24, 24))
    near = seen.triangles == 0
    assert near.sum() == pytest.approx(200, abs=12)
    assert len(seen.pixels) == 24 * 24 == len(np.unique(seen.pixels))
    np.testing.assert_allclose(seen.shares.sum(axis=1), 1, atol=1e-5)
    rows, columns = np.divmod(seen.pixels[near], 24)
    x = (seen.shares[near] * corners[0, :, 0]).sum(axis=1)
    np.testing.assert_allclose(x, columns + 0.5, atol=1e-3)
    assert (rows + columns < 20).all()


def test_triangles_out_of_sight_are_nothing() -> None:
    corners = np.array([[[-9, -9], [-2, -9], [-9, -2]]], np.float32)
    assert len(fragments(corners, np.ones((1, 3), np.float32), (10, 10)).pixels) == 0
