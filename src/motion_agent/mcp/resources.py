"""Resources: motions in the formats of pages and programs, and workspace files.

motion://m-3fa9c1/player.html    the interactive page
motion://m-3fa9c1/motion.glb     … .json .bvh .npz .png and every other export
workspace://walk.bvh             a file of the workspace
ui://motion-agent/player         the viewer as an MCP App
"""

from __future__ import annotations

import base64
import mimetypes
import tempfile
from pathlib import Path
from urllib.parse import quote, unquote

import mcp_types as types

from ..motion_core.choices import EXPORTS
from ..motion_core.errors import InputError
from ..motion_core.exporting import export, export_suffix
from ..motion_core.motion import Motion
from ..motion_core.store import is_motion_id
from ..motion_core.studio import Studio
from .app import APP, APP_TYPE, app_page

_TEXTS = {"text/html", "application/json", "text/csv", "text/plain"}
_TYPES = {"bvh": "text/plain", "glb": "model/gltf-binary", "json": "application/json"}
_LISTED = 50
_LONGEST = 300  # characters of an address


def templates() -> list[types.ResourceTemplate]:
    """Return the URI templates."""
    return [
        types.ResourceTemplate(
            uri_template="motion://{motion_id}/{file}",
            name="motion",
            title="A motion in a format",
            description="file is player.html to look at it, motion.json for three.js, or motion."
            + ", motion.".join(EXPORTS),
        ),
        types.ResourceTemplate(
            uri_template="workspace://{file}", name="file", title="A motion file of the workspace"
        ),
    ]


def listed(studio: Studio) -> list[types.Resource]:
    """Return the viewer, the latest motions as pages, and the workspace's files."""
    resources = [types.Resource(uri=APP, name="player", title="Motion viewer", mime_type=APP_TYPE)]
    resources += [page_of(motion_id) for motion_id in reversed(studio.store.latest(_LISTED))]
    return resources + [file_of(name) for name in studio.workspace.files(_LISTED)]


def page_of(motion_id: str) -> types.ResourceLink:
    """Return the link to the interactive page of a motion."""
    return types.ResourceLink(
        uri=f"motion://{motion_id}/player.html",
        name=f"{motion_id}.html",
        title=f"Motion {motion_id}, interactive",
        mime_type="text/html",
    )


def file_of(name: str) -> types.ResourceLink:
    """Return the link to a workspace file."""
    return types.ResourceLink(
        uri=f"workspace://{quote(name)}", name=name, title=name, mime_type=_mime_type(name)
    )


def read(studio: Studio, uri: str) -> types.TextResourceContents | types.BlobResourceContents:
    """Return the contents of a URI.

    Raises:
        MotionAgentError: there is no such resource; the message lists the forms.
    """
    if uri == APP:
        return types.TextResourceContents(uri=uri, mime_type=APP_TYPE, text=app_page())
    scheme, separator, rest = uri.partition("://")
    if len(uri) > _LONGEST or not separator or scheme not in ("motion", "workspace"):
        raise InputError(
            f"there is no resource {uri[:60]!r}; resources are motion://ID/player.html and"
            " workspace://FILE"
        )
    if scheme == "workspace":
        name = unquote(rest)
        export_suffix(repr(name)[1:-1])  # not a motion file
        return _contents(uri, name, studio.workspace.data(name))
    motion_id, _, name = rest.partition("/")
    if not is_motion_id(motion_id):
        raise InputError(f"{motion_id[:40]!r} is not a motion id; ids look like m-3fa9c1")
    motion = studio.store.get(motion_id)
    if name.endswith(".json"):
        return _contents(uri, name, motion.to_json().encode())
    return _contents(uri, name, _exported(motion, name))


def _exported(motion: Motion, name: str) -> bytes:
    """Return the motion as the contents of a file of that name."""
    suffix = export_suffix(repr(name)[1:-1])
    with tempfile.TemporaryDirectory(prefix="motion-agent-") as folder:
        return export(motion, Path(folder, f"motion.{suffix}"))[0].read_bytes()


def _contents(
    uri: str, name: str, data: bytes
) -> types.TextResourceContents | types.BlobResourceContents:
    kind = _mime_type(name)
    if kind in _TEXTS:
        return types.TextResourceContents(uri=uri, mime_type=kind, text=data.decode("utf-8"))
    blob = base64.b64encode(data).decode("ascii")
    return types.BlobResourceContents(uri=uri, mime_type=kind, blob=blob)


def _mime_type(name: str) -> str:
    suffix = name.rpartition(".")[2].lower()
    return _TYPES.get(suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
