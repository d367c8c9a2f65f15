"""Check the wheel and the sdist in a folder: ``python .ci/check_release.py dist``."""

from __future__ import annotations

import sys
import tarfile
import tomllib
import zipfile
from email.parser import Parser
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
LARGEST = 100 << 20  # bytes; what an index takes without asking


def problems(dist: Path) -> list[str]:
    """Everything that is wrong with the wheel and the sdist in `dist`, one line each."""
    wheels, sdists = list(dist.glob("*.whl")), list(dist.glob("*.tar.gz"))
    if len(wheels) != 1 or len(sdists) != 1:
        return [f"{dist} holds {len(wheels)} wheels and {len(sdists)} sdists, not one of each"]
    return [
        *(f"{wheels[0].name}: {problem}" for problem in _of_wheel(wheels[0])),
        *(f"{sdists[0].name}: {problem}" for problem in _of_sdist(sdists[0])),
        *(
            f"{file.name}: {file.stat().st_size >> 20} MiB are too much"
            for file in (*wheels, *sdists)
            if file.stat().st_size > LARGEST
        ),
    ]


def _of_wheel(path: Path) -> list[str]:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    with zipfile.ZipFile(path) as wheel:
        names = [name for name in wheel.namelist() if not name.endswith("/")]
        info = next(name.partition("/")[0] for name in names if ".dist-info/" in name)
        metadata = Parser().parsestr(wheel.read(f"{info}/METADATA").decode())
    found = []
    outside = {name.partition("/")[0] for name in names} - {"motion_agent", info}
    if outside:
        found.append(f"installs beside motion_agent: {sorted(outside)}")
    strange = [n for n in names if n.endswith((".pyc", ".pt", ".ckpt", ".mp4", ".so", ".env"))]
    if strange:
        found.append(f"holds {strange}")
    for field, value in (
        ("License-Expression", project["license"]),
        ("Requires-Python", project["requires-python"]),
        ("Version", project["version"]),
    ):
        if metadata[field] != value:
            found.append(f"{field} is {metadata[field]!r}, not {value!r}")
    licences = {
        file.relative_to(REPOSITORY).as_posix()
        for pattern in project["license-files"]
        for file in REPOSITORY.glob(pattern)
    }
    missing = {f"{info}/licenses/{name}" for name in licences} - set(names)
    if missing:
        found.append(f"lacks {sorted(missing)}")
    for folder in (REPOSITORY / "motion_core" / "checkpoints").glob("*/config.json"):
        card = f"motion_agent/motion_core/checkpoints/{folder.parent.name}/README.md"
        if card not in names:
            found.append(f"lacks {card}, the model card of weights that ship")
    return found


def _of_sdist(path: Path) -> list[str]:
    with tarfile.open(path) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    needed = {"LICENSE", "NOTICE", "README.md", "pyproject.toml", "motion_core/motion.py"}
    return [f"lacks {sorted(needed - names)}"] if needed - names else []


def main() -> int:
    """Print what is wrong; the exit status is 1 if anything is."""
    found = problems(Path(sys.argv[1]))
    print("\n".join(found) or "wheel and sdist hold what they should")
    if "io.github.OWNER/" in (REPOSITORY / "server.json").read_text(encoding="utf-8"):
        print("server.json names no owner yet; see Publishing in CONTRIBUTING.md")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
