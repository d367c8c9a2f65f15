"""Motions show themselves in notebooks, long work shows bars, and what is committed is light.

That the notebooks run is for ``make notebooks`` to tell: they load the shipped checkpoint.
"""

from __future__ import annotations

import base64
import gzip
import html
import io
import json
import re
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image
from rendering_people import walker
from test_rendering_player import SOFTWARE_GL, launch, new_page

from motion_agent import Motion, MotionAgent
from motion_agent.motion_core import notebook
from motion_agent.motion_core.errors import InputError
from motion_agent.motion_core.fake import FakeEngine
from motion_agent.motion_core.notebook import LONGEST, Bar, in_notebook, show, watch

__all__ = ["launch"]  # fixture

NOTEBOOKS = sorted((Path(__file__).resolve().parent.parent / "notebooks").glob("*.ipynb"))


def page_in(bundle: dict[str, str]) -> str:
    """The player's page, as the frame unpacks it."""
    (inner,) = re.findall(r'srcdoc="([^"]*)"', bundle["text/html"])
    (packed,) = re.findall(r'atob\("([^"]*)"\)', html.unescape(inner))
    return gzip.decompress(base64.b64decode(packed)).decode()


def test_a_motion_shows_itself_as_a_player_a_film_strip_and_words() -> None:
    motion = walker(80)
    bundle = motion._repr_mimebundle_()
    assert bundle["text/plain"] == repr(motion)
    page = page_in(bundle)
    assert '"frames":80' in page and "<canvas" in page
    strip = Image.open(io.BytesIO(base64.b64decode(bundle["image/png"])))
    assert strip.width > 3 * strip.height > 600
    assert page.count(bundle["image/png"]) == 1  # what is seen without WebGL


def test_four_seconds_take_less_than_half_a_megabyte() -> None:
    bundle = walker(80)._repr_mimebundle_()
    assert len(json.dumps(bundle)) < 450_000
    assert len(bundle["image/png"]) < 60_000


def test_the_same_motion_gives_the_same_output() -> None:
    assert walker(20)._repr_mimebundle_() == walker(20)._repr_mimebundle_()


def test_a_motion_too_long_for_the_player_is_a_film_strip(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notebook, "LONGEST", 19)
    assert sorted(walker(20)._repr_mimebundle_()) == ["image/png", "text/plain"]
    assert LONGEST == 20 * 600


def test_two_people_are_shown_together_and_named_apart() -> None:
    one, other = walker(40), walker(30)
    shown = show({2: other, 1: one}, title="two <b>people</b>")
    assert [motion for motion, _ in shown.people] == [one, other]
    assert shown.people[1][1].theta == 180
    page = page_in(shown._repr_mimebundle_())
    assert "two &lt;b&gt;people&lt;/b&gt;" in page
    assert repr(shown) == f"{one!r}\n{other!r}"


def test_nobody_is_nothing_to_show_and_three_are_too_many() -> None:
    assert show({})._repr_mimebundle_() == {"text/plain": ""}
    with pytest.raises(InputError, match="3 people"):
        show([walker(20)] * 3)


def test_a_single_frame_shows_itself() -> None:
    bundle = Motion(walker(20).features[:1])._repr_mimebundle_()
    assert '"frames":1,' in page_in(bundle)


def test_the_frame_unpacks_the_player_in_a_browser(launch: Any, tmp_path: Path) -> None:
    (tmp_path / "cell.html").write_text(walker(40)._repr_mimebundle_()["text/html"])
    errors: list[str] = []
    page = new_page(launch(*SOFTWARE_GL), viewport={"width": 800, "height": 480})
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda line: errors.append(line.text) if line.type == "error" else None)
    page.goto(f"file://{tmp_path}/cell.html")
    frame = page.frame_locator("iframe")
    frame.locator("#clock").wait_for()
    frame.locator("#play").click()  # it plays by itself, so this pauses
    frame.locator("#timeline").press("End")
    # Frame 39 of 40 at 20 fps; the clock follows with the next picture.
    frame.locator("#clock").filter(has_text="1.9").wait_for()
    assert errors == []


class _Kernel:
    """Stands in for IPython in a kernel: keeps what was displayed last."""

    def __init__(self) -> None:
        self.displayed: list[Any] = []

    def get_ipython(self) -> Any:
        return SimpleNamespace(kernel=object())

    def display(self, shown: Any, *, display_id: bool) -> Any:
        assert display_id
        self.displayed.append(shown)
        return SimpleNamespace(update=lambda changed: None)


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> _Kernel:
    kernel = _Kernel()
    monkeypatch.setitem(sys.modules, "IPython", kernel)
    monkeypatch.setitem(sys.modules, "IPython.display", kernel)
    return kernel


def test_a_notebook_is_told_from_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    assert not in_notebook()
    terminal = SimpleNamespace(get_ipython=lambda: SimpleNamespace())
    monkeypatch.setitem(sys.modules, "IPython", terminal)
    assert not in_notebook()
    monkeypatch.setitem(sys.modules, "IPython", _Kernel())
    assert in_notebook()


def test_a_bar_tells_what_is_done_and_what_is_left(
    kernel: _Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr(notebook.time, "monotonic", lambda: now[0])
    bar = Bar("to<kenizer", 40, done=10)
    now[0] = 120.0
    bar.update(20, "loss 0.3")
    assert repr(bar) == "to<kenizer 20/40 · 0:40 left · loss 0.3"  # 10 in 20 s, 20 to go
    assert 'to&lt;kenizer <progress value="20" max="40">' in bar._repr_html_()
    now[0] = 165.0
    bar.update(40)
    assert repr(bar) == "to<kenizer 40/40 · 1:05 in all"


def test_watching_a_turn_gives_the_turn_and_shows_a_bar(
    kernel: _Kernel, capsys: pytest.CaptureFixture[str]
) -> None:
    agent = MotionAgent(engine=FakeEngine())
    turn = watch(agent.stream("A person walks, then bows."))
    assert isinstance(turn.motion, Motion)
    (bar,) = kernel.displayed
    assert bar.done == bar.total > 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("plan: ") and lines[-1] == turn.reply.splitlines()[-1]


def test_watching_in_a_terminal_says_the_same_without_a_bar(
    capsys: pytest.CaptureFixture[str],
) -> None:
    turn = watch(MotionAgent(engine=FakeEngine()).stream("A person bows."))
    assert turn.motion is not None
    assert "plan: " in capsys.readouterr().out


# ---- what is committed ------------------------------------------------------------------------


def cells(path: Path, kind: str = "code") -> list[dict[str, Any]]:
    read = json.loads(path.read_text(encoding="utf-8"))
    return [cell for cell in read["cells"] if cell["cell_type"] == kind]


def test_there_are_five_notebooks() -> None:
    assert [path.name[:2] for path in NOTEBOOKS] == ["01", "02", "03", "04", "05"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_committed_notebook_was_run_from_top_to_bottom(path: Path) -> None:
    code = cells(path)
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    kinds = [output["output_type"] for cell in code for output in cell["outputs"]]
    assert "error" not in kinds


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_committed_notebook_is_light_and_has_pictures(path: Path) -> None:
    outputs = [output for cell in cells(path) for output in cell["outputs"]]
    shown = [output["data"] for output in outputs if "data" in output]
    assert any("image/png" in data for data in shown)
    assert not any("<iframe" in "".join(data.get("text/html", "")) for data in shown)
    assert path.stat().st_size < 500_000


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_has_no_command_line_and_no_paths_of_ours(path: Path) -> None:
    source = "".join("".join(cell["source"]) for cell in cells(path))
    assert not re.search(r"parse_args|sys\.argv|argparse|^!", source, re.MULTILINE)
    assert "/work/" not in path.read_text(encoding="utf-8")
