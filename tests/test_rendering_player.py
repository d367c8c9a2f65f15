"""The interactive page: what is in it, and what it does in a real browser."""

from __future__ import annotations

import base64
import html
import io
import json
import re
import shutil
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fakes import PATIENCE
from PIL import Image
from rendering_people import walker

from motion_agent.motion_core.errors import InputError, UnavailableError
from motion_agent.motion_core.motion import Motion
from motion_agent.motion_core.rendering import (
    Body,
    Placement,
    player_iframe,
    player_page,
    write_player,
)
from motion_agent.motion_core.rendering.scene import make_scene
from motion_agent.motion_core.skeleton import JOINT_NAMES

HOSTILE = (
    "</script><script>window.broken = 1</script>",
    "\"'><img src=x onerror='window.broken = 2'> {{three}} \\u003c & \u2028",
    "<!-- <script> 一个人挥手 ${window.broken = 3}",
)


def scene_in(page: str) -> dict[str, Any]:
    text = re.search(r'<script id="scene" type="application/json">(.*?)</script>', page, re.S)
    assert text is not None
    return json.loads(text[1])


def unpacked(packed: dict[str, Any]) -> np.ndarray:
    """Numbers ``(rows, width)`` from deflated zigzag varints of their changes."""
    values, code, shift = [], 0, 0
    for byte in zlib.decompress(base64.b64decode(packed["deflated"])):
        code |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            values.append((code >> 1) ^ -(code & 1))
            code = shift = 0
    changes = np.array(values).reshape(-1, packed["width"])
    return np.cumsum(changes, axis=0) * packed["unit"]


@pytest.mark.parametrize("speed", [3.0, 400.0])  # at 400 m/s a change needs three bytes
def test_the_page_holds_every_body_point_to_a_tenth_of_a_millimetre(speed: float) -> None:
    motion = walker(40, speed=speed)
    person = scene_in(player_page(motion))["people"][0]
    points = unpacked(person["points"]).reshape(40, -1, 3)
    points[:, 1:] += points[:, :1]
    np.testing.assert_allclose(points, make_scene(motion).people[0], rtol=1e-6, atol=1.01e-4)


def test_the_page_knows_which_feet_stand_on_the_floor() -> None:
    motion = walker(12, speed=0.0)
    features = np.array(motion.features)
    features[:, 259:263] = 0
    features[3, 259] = features[3, 262] = features[5, 260] = 1
    person = scene_in(player_page(Motion(features)))["people"][0]
    assert list(base64.b64decode(person["contacts"])) == [0, 0, 0, 9, 0, 2, *[0] * 6]


def test_the_page_knows_the_seams_and_which_are_bad() -> None:
    motion = walker(24, words=("a", "b", "c"))
    pair = [Body(motion, bad_seams=(1,)), Body(walker(24), Placement(180, 0, 2))]
    assert scene_in(player_page(pair))["seams"] == [
        [{"frame": 8, "bad": False}, {"frame": 16, "bad": True}],
        [],
    ]


def test_a_notebook_gets_the_whole_page_in_a_frame_that_keeps_to_itself() -> None:
    motion = walker(24, words=HOSTILE)
    fragment = player_iframe(motion, height=400)
    frame = re.fullmatch(
        r'<iframe srcdoc="([^"]*)" sandbox="allow-scripts"[^>]*></iframe>', fragment
    )
    assert frame is not None
    assert html.unescape(frame[1]) == player_page(motion)
    assert "height: 400px" in fragment


def test_captions_and_title_arrive_as_they_were_written() -> None:
    page = player_page(walker(24, words=HOSTILE), title=HOSTILE[0])
    assert [caption["text"] for caption in scene_in(page)["captions"][0]] == list(HOSTILE)
    title = re.search(r"<title>(.*?)</title>", page, re.S)
    assert title is not None and html.unescape(title[1]) == HOSTILE[0]


def test_no_caption_can_open_or_close_an_element() -> None:
    tags = re.compile(r"</?script|<img|<!--", re.IGNORECASE)
    harmless = player_page(walker(24, words=("a", "b", "c")))
    hostile = player_page(walker(24, words=HOSTILE), title=HOSTILE[1])
    assert tags.findall(hostile) == tags.findall(harmless)


def test_the_page_names_nothing_outside_itself() -> None:
    page = player_page(walker(8))
    addresses = set(re.findall(r"https?://[\w./-]+", page))
    assert addresses <= {"http://www.w3.org/1999/xhtml"}  # a namespace, never fetched
    assert not re.search(r"<(script|link|img|iframe)[^>]+(src|href)=[\"'](?!data:)", page)
    assert "default-src 'none'" in page


def test_the_page_carries_the_licence_of_three_js() -> None:
    page = player_page(walker(8))
    assert "three.js authors" in page
    assert "Permission is hereby granted" in page


def test_ten_minutes_fit_into_a_few_megabytes() -> None:
    features = np.tile(walker(24).features, (500, 1))
    assert len(player_page(Motion(features))) < 3_000_000


def test_another_suffix_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"name the file \*.html"):
        write_player(walker(8), tmp_path / "a.htm")
    assert list(tmp_path.iterdir()) == []


def test_a_path_that_cannot_be_written_is_an_unavailable_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UnavailableError, match=r"a\.html cannot be written"):
        write_player(walker(8), tmp_path / "file" / "a.html")


# --- In a browser -------------------------------------------------------------------------------

SOFTWARE_GL = ["--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist"]


@pytest.fixture(scope="module")
def launch() -> Iterator[Any]:
    """Start Chromium with the given arguments; closed after the tests."""
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="needs the Python package playwright to drive a browser"
    )
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
    if chromium is None:
        pytest.skip("needs the program chromium (Debian: apt-get install chromium)")
    with playwright.sync_playwright() as driver:
        browsers: list[Any] = []

        def start(*arguments: str) -> Any:
            options = ["--no-sandbox", *arguments]
            browser = driver.chromium.launch(
                executable_path=chromium, args=options, timeout=PATIENCE * 1000
            )
            browsers.append(browser)
            return browser

        yield start
        for browser in browsers:
            browser.close()


def new_page(browser: Any, **options: Any) -> Any:
    """An empty page that gives up only on what hangs."""
    page = browser.new_page(**options)
    page.set_default_timeout(PATIENCE * 1000)
    return page


TWENTY_FRAMES = """new Promise((done) => {
    let left = 20;
    (function next() { left-- ? requestAnimationFrame(next) : done(); })();
})"""


class Page:
    """A page opened from disk, with all that it logs and asks for."""

    def __init__(self, browser: Any, path: Path, **options: Any) -> None:
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.page = new_page(browser, **{"viewport": {"width": 900, "height": 640}, **options})
        self.page.on("console", self._logged)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(path.as_uri())
        self.wait("window.motionPlayer !== undefined")

    def _logged(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def wait(self, expression: str) -> None:
        """Until it holds; the page's security policy forbids Playwright's own way."""
        end = time.monotonic() + PATIENCE
        while not self.page.evaluate(expression):
            assert time.monotonic() < end, f"{expression} does not hold"
            self.page.wait_for_timeout(50)

    def settle(self) -> None:
        """Until twenty more frames are drawn, however long they take."""
        self.page.evaluate(TWENTY_FRAMES)

    def player(self, expression: str) -> Any:
        return self.page.evaluate(f"motionPlayer.{expression}")

    def picture(self) -> np.ndarray:
        self.settle()
        with Image.open(io.BytesIO(self.page.screenshot())) as image:
            return np.asarray(image.convert("RGB")).astype(int)


@pytest.fixture(scope="module")
def opened(launch: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[Page, Motion]:
    motion = walker(48, speed=1.0, words=HOSTILE)
    path = write_player(motion, tmp_path_factory.mktemp("page") / "motion.html")
    return Page(launch(*SOFTWARE_GL), path, reduced_motion="reduce"), motion


def test_it_opens_from_disk_without_a_complaint_or_a_request(opened: tuple[Page, Motion]) -> None:
    page, _ = opened
    assert page.player("webgl") is True
    page.picture()
    assert page.complaints == []
    assert [url for url in page.requests if not url.startswith(("file:", "data:"))] == []
    assert page.page.evaluate("window.broken") is None


def test_every_joint_is_where_the_motion_has_it(opened: tuple[Page, Motion]) -> None:
    page, motion = opened
    assert page.player("frames") == 48
    for frame, joint in ((0, 0), (17, 20), (47, 15)):
        shown = page.player(f"jointPosition({frame}, {joint})")
        np.testing.assert_allclose(shown, motion.joints[frame, joint], atol=1e-4)
        named = page.player(f"jointPosition({frame}, '{JOINT_NAMES[joint]}')")
        assert named == shown


def test_it_draws_left_and_right_where_they_are(opened: tuple[Page, Motion]) -> None:
    page, _ = opened
    page.player("setTheme('light')")
    page.player("seek(24)")
    picture = page.picture()
    for joint, warm in (("left_knee", False), ("right_knee", True)):
        column, row = (round(v) for v in page.player(f"screenPosition('{joint}')"))
        red, _, blue = picture[row, column]
        assert (red > blue + 40) if warm else (blue > red + 40)


def test_the_words_are_those_of_the_segment(opened: tuple[Page, Motion]) -> None:
    page, _ = opened
    for frame, words in ((0, HOSTILE[0]), (16, HOSTILE[1]), (47, HOSTILE[2])):
        page.player(f"seek({frame})")
        assert page.page.evaluate("document.getElementById('words').textContent") == words


def test_a_click_on_the_timeline_goes_there(opened: tuple[Page, Motion]) -> None:
    page, _ = opened
    box = page.page.locator("#timeline").bounding_box()
    page.page.mouse.click(box["x"] + box["width"] * 0.5, box["y"] + 10)
    assert page.player("frame") == 24
    page.page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 10)
    page.page.mouse.down()
    page.page.mouse.move(box["x"] + box["width"] * 0.75 + 2, box["y"] + 10, steps=3)
    page.page.mouse.up()
    assert page.player("frame") == 36


def test_the_keyboard_steps_and_chooses_segments(opened: tuple[Page, Motion]) -> None:
    page, _ = opened
    page.player("seek(10)")
    for key, frame in (("ArrowRight", 11), ("ArrowLeft", 10), ("End", 47), ("Home", 0), ("3", 32)):
        page.page.keyboard.press(key)
        assert page.player("frame") == frame


def test_the_keyboard_goes_from_segment_to_segment_and_by_seconds(
    opened: tuple[Page, Motion],
) -> None:
    page, _ = opened
    page.player("seek(20)")
    for key, frame in (
        (",", 16),
        (",", 0),
        (".", 16),
        (".", 32),
        (".", 32),
        ("Shift+ArrowLeft", 12),
    ):
        page.page.keyboard.press(key)
        assert page.player("frame") == frame


def test_the_help_shows_the_keys_and_closes(opened: tuple[Page, Motion]) -> None:
    page, _ = opened
    page.player("seek(10)")
    page.page.keyboard.press("?")
    assert page.page.locator("#keys").is_visible()
    assert "play, pause" in page.page.locator("#keys").inner_text()
    page.page.keyboard.press("ArrowRight")  # belongs to the help now
    assert page.player("frame") == 10
    page.page.keyboard.press("Escape")
    assert not page.page.locator("#keys").is_visible()


def test_speed_loop_and_theme_are_at_hand(opened: tuple[Page, Motion]) -> None:
    page, _ = opened
    speed = page.page.locator("#speed")
    for key, value in (("]", "2"), ("[", "1"), ("[", "0.5"), ("]", "1")):
        page.page.keyboard.press(key)
        assert speed.input_value() == value
    loop = page.page.locator("#loop")
    page.page.keyboard.press("l")
    assert loop.get_attribute("aria-pressed") == "false"
    page.player("seek(45)")
    page.player("play()")
    page.wait("!motionPlayer.playing")  # without a loop it ends at the end
    assert page.player("frame") == 47
    page.page.keyboard.press("l")
    assert loop.get_attribute("aria-pressed") == "true"


def test_the_timeline_marks_the_seams(launch: Any, tmp_path: Path) -> None:
    motion = walker(48, words=("a person walks", "a person waves", "a person bows"))
    path = write_player([Body(motion, bad_seams=(1,))], tmp_path / "motion.html")
    page = Page(launch("--disable-3d-apis"), path)
    timeline = page.page.locator("#timeline").bounding_box()
    marks = [mark.bounding_box() for mark in page.page.locator(".seam").all()]
    places = [(mark["x"] + mark["width"] - timeline["x"]) / timeline["width"] for mark in marks]
    assert places == pytest.approx([1 / 3, 2 / 3], abs=0.003)
    assert page.page.locator(".seam.bad").count() == 1
    assert page.page.locator(".label").all_inner_texts()[2] == "a person bows"


def test_it_fits_a_phone_and_answers_to_touch(launch: Any, tmp_path: Path) -> None:
    motion = walker(48, speed=1.0, words=("a person with a long description walks on and on",) * 2)
    path = write_player(motion, tmp_path / "motion.html")
    phone = {"viewport": {"width": 360, "height": 700}, "has_touch": True, "is_mobile": True}
    page = Page(launch(*SOFTWARE_GL), path, reduced_motion="reduce", **phone)
    assert page.page.evaluate("document.documentElement.scrollWidth") == 360
    for control in page.page.locator("button:visible, select:visible").all():
        box = control.bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= 360
        assert min(box["width"], box["height"]) >= 40  # of a fingertip
    for frame in (0, 47):
        page.player(f"seek({frame})")
        for joint in ("head", "left_wrist", "right_wrist", "left_foot"):
            column, row = page.player(f"screenPosition('{joint}')")
            assert 0 < column < 360 and 0 < row < 600
    page.page.locator("#play").tap()
    assert page.player("playing") is True
    box = page.page.locator("#timeline").bounding_box()
    page.page.touchscreen.tap(box["x"] + box["width"] * 0.5, box["y"] + 10)
    assert page.player("frame") == 24
    assert page.complaints == []


def test_people_who_part_stay_in_view(launch: Any, tmp_path: Path) -> None:
    motion = walker(200, speed=1.5)
    path = write_player([Body(motion), Body(motion, Placement(180, 0, -1))], tmp_path / "two.html")
    page = Page(launch(*SOFTWARE_GL), path, reduced_motion="reduce")
    assert page.page.locator("#follow").get_attribute("aria-pressed") == "true"
    for frame in (0, 100, 199):
        page.player(f"seek({frame})")
        for person in (0, 1):
            column, row = page.player(f"screenPosition('pelvis', {person})")
            assert 0 < column < 900 and 0 < row < 640


def test_the_frame_of_a_notebook_shows_and_plays(launch: Any, tmp_path: Path) -> None:
    fragment = player_iframe(walker(600, words=("a person walks",)), height=420)
    (tmp_path / "notebook.html").write_text(f"<!doctype html><body>{fragment}")
    page = new_page(launch(*SOFTWARE_GL), viewport={"width": 800, "height": 500})
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto((tmp_path / "notebook.html").as_uri())
    inside = page.frame_locator("iframe")
    inside.locator("#words", has_text="a person walks").wait_for()
    inside.locator("#play").click()  # it plays by itself, so this pauses
    frame = page.frames[1]
    before = frame.evaluate("motionPlayer.frame")
    inside.locator("#next").click()
    assert before < frame.evaluate("motionPlayer.frame") <= before + 1
    assert complaints == []


def test_it_plays_at_the_speed_of_the_motion_and_pauses(opened: tuple[Page, Motion]) -> None:
    page, _ = opened
    page.player("seek(0)")
    page.page.keyboard.press(" ")
    assert page.player("playing") is True
    page.wait("motionPlayer.frame >= 4")
    page.page.keyboard.press(" ")
    assert page.player("playing") is False
    frame = page.player("frame")
    page.settle()
    assert page.player("frame") == frame


def test_a_drag_turns_the_view_and_reset_brings_it_back(opened: tuple[Page, Motion]) -> None:
    page, _ = opened
    page.player("seek(0)")
    page.page.keyboard.press("r")
    before = page.player("screenPosition('left_wrist')")
    page.page.mouse.move(450, 250)
    page.page.mouse.down()
    page.page.mouse.move(600, 250, steps=4)
    page.page.mouse.up()
    page.settle()
    turned = page.player("screenPosition('left_wrist')")
    assert abs(turned[0] - before[0]) > 5
    page.page.keyboard.press("r")
    page.settle()
    np.testing.assert_allclose(page.player("screenPosition('left_wrist')"), before, atol=1.0)


def test_light_and_dark_look_light_and_dark(opened: tuple[Page, Motion]) -> None:
    page, _ = opened
    brightness = {}
    for theme in ("light", "dark"):
        page.player(f"setTheme('{theme}')")
        brightness[theme] = page.picture().mean()
    assert brightness["light"] > 180
    assert brightness["dark"] < 60


def test_without_webgl_the_page_says_so_and_shows_moments(launch: Any, tmp_path: Path) -> None:
    path = write_player(walker(24, words=("a person walks",)), tmp_path / "motion.html")
    page = Page(launch("--disable-3d-apis"), path)
    assert page.player("webgl") is False
    fallback = page.page.locator("#fallback")
    assert fallback.is_visible()
    assert "WebGL" in fallback.inner_text()
    assert page.page.evaluate("document.querySelector('#fallback img').naturalWidth") > 300
    page.player("seek(12)")
    assert page.page.evaluate("document.getElementById('words').textContent") == "a person walks"


def test_two_people_and_one_frame_open(launch: Any, tmp_path: Path) -> None:
    one = Motion(walker(8).features[:1])
    path = write_player([Body(one), Body(one, Placement(180, 0, 1))], tmp_path / "two.html")
    page = Page(launch(*SOFTWARE_GL), path)
    page.player("play()")
    first, second = (page.player(f"jointPosition(0, 20, {person})") for person in (0, 1))
    np.testing.assert_allclose(second, np.array(first) * [-1, 1, -1] + [0, 0, 1], atol=2e-4)
    page.picture()
    assert page.complaints == []
