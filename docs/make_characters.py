"""Makes ``docs/images/characters.png``: one generated motion on the mannequin and on other rigs.

    python docs/make_characters.py MOTION TITLE=RIG.glb TITLE=RIG.glb …

The picture in the documentation is of MOTION as ``motion-agent run`` made it of the README's first
sentence, with Mesh2Motion's human (of the add-on pack) as "Mixamo-style rig" and Quaternius'
platformer character as "chibi rig", both CC0. Bones of a rig whose title speaks of Mixamo are
renamed as Mixamo names them. There is a row for each, at the same moments, seen from the same side.
"""

from __future__ import annotations

import argparse
import json
import struct
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from motion_agent import read_motion
from motion_agent.motion_core.formats.bvh_styles import BVH_STYLES
from motion_agent.motion_core.formats.character import Character, load_character
from motion_agent.motion_core.rendering import Body
from motion_agent.motion_core.rendering.camera import plan_portraits
from motion_agent.motion_core.rendering.lettering import text_mask
from motion_agent.motion_core.rendering.palette import PALETTES, rgb
from motion_agent.motion_core.rendering.panel import stamp
from motion_agent.motion_core.rendering.scene import make_scene
from motion_agent.motion_core.rendering.stage import Stage
from motion_agent.motion_core.skeleton import JOINT_NAMES

OUT = Path(__file__).parent / "images" / "characters.png"
SIZE = (190, 250)
SHARES = (0.08, 0.22, 0.45, 0.67, 0.78, 0.9)  # of the motion's time


def character(title: str, path: str) -> Character:
    """The character of a file; one of Mixamo's style is recognised by Mixamo's names."""
    found = load_character(path)
    if "Mixamo" not in title:
        return found
    names = dict(zip(JOINT_NAMES, BVH_STYLES["mixamo"].names, strict=True))
    theirs = {found.rest.names[joint]: names[ours] for ours, joint in found.joints.items()}
    data = Path(path).read_bytes()
    size = int.from_bytes(data[12:16], "little")
    tree = json.loads(data[20 : 20 + size])
    for node in tree["nodes"]:
        node["name"] = theirs.get(node.get("name", ""), node.get("name", ""))
    text = json.dumps(tree).encode()
    text += b" " * (-len(text) % 4)
    rest = data[20 + size :]
    head = struct.pack("<4sIII4s", b"glTF", 2, 20 + len(text) + len(rest), len(text), b"JSON")
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "mixamo.glb"
        copy.write_bytes(head + text + rest)
        return load_character(copy)


def main() -> None:
    """Paint the picture."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("motion", type=Path)
    parser.add_argument("rigs", nargs="*", metavar="TITLE=RIG.glb")
    parser.add_argument("--out", type=Path, default=OUT)
    arguments = parser.parse_args()
    motion = read_motion(arguments.motion)
    moments = [round(share * (len(motion) - 1)) for share in SHARES]
    rows = []
    first = None  # the mannequin's camera; all rows look in its direction
    for title, path in [("mannequin", ""), *(rig.split("=", 1) for rig in arguments.rigs)]:
        scene = make_scene([Body(motion, character=character(title, path) if path else None)])
        camera = plan_portraits(scene.outlines(), moments, SIZE, like=first)
        first = camera.camera
        stage = Stage(scene, SIZE, camera=camera, panel=False)
        row = np.concatenate([stage.paint(moment) for moment in moments], axis=1)
        stamp(row, text_mask(title, 15, max_width=SIZE[0]), 10, 10, PALETTES["light"].text)
        rows += [row, np.full((4, row.shape[1], 3), rgb(PALETTES["light"].panel), np.uint8)]
    picture = Image.fromarray(np.concatenate(rows[:-1], axis=0))
    picture.quantize(255).save(arguments.out, optimize=True)


if __name__ == "__main__":
    main()
