"""Video, film strip, poster, and the words in them."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image
from rendering_people import walker

from motion_agent.motion_core.errors import InputError, UnavailableError
from motion_agent.motion_core.motion import Motion
from motion_agent.motion_core.rendering import (
    Body,
    Placement,
    film_strip,
    poster,
    render_comparison,
    render_video,
    write_player,
)
from motion_agent.motion_core.rendering.comparison import Comparison
from motion_agent.motion_core.rendering.film_strip import _moments, _words, paint_strip
from motion_agent.motion_core.rendering.lettering import text_mask, wrapped
from motion_agent.motion_core.rendering.palette import PALETTES, rgb
from motion_agent.motion_core.rendering.scene import Caption, make_scene
from motion_agent.motion_core.rendering.stage import Stage

SMALL = (320, 180)
WORDS = ("a person walks", "a person waves", "a person bows")


def decoded(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as file:
        return [frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)]


def picture(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def seen_at(stage: Stage, frame: int, joint: int, person: int = 0) -> tuple[int, int]:
    """Column and row of a joint in the picture."""
    pixels, _ = stage.camera(frame).project(stage.scene.people[person][frame, joint])
    return int(pixels[0]), int(pixels[1])


def near(colour: np.ndarray, of: str) -> bool:
    """Whether a shaded colour has the hue of a palette's colour."""
    ours, expected = colour.astype(float), rgb(of).astype(float)
    cosine = ours @ expected / np.linalg.norm(ours) / np.linalg.norm(expected)
    return bool(cosine > 0.97)


def test_a_video_is_h264_at_20_fps_and_has_every_frame(tmp_path: Path) -> None:
    path = render_video(walker(24, words=WORDS), tmp_path / "new" / "walk.mp4", size=SMALL)
    with av.open(str(path)) as file:
        stream = file.streams.video[0]
        assert stream.codec_context.name == "h264"
        assert stream.codec_context.pix_fmt == "yuv420p"
        assert stream.average_rate == 20
        assert (stream.width, stream.height) == SMALL
        assert len(list(file.decode(stream))) == 24
    assert [p.name for p in path.parent.iterdir()] == ["walk.mp4"]


def test_the_left_leg_is_blue_and_the_right_leg_vermilion_in_the_decoded_video(
    tmp_path: Path,
) -> None:
    motion = walker(12)
    frames = decoded(render_video(motion, tmp_path / "walk.mp4"))
    stage = Stage(make_scene(motion), (960, 540))
    person = PALETTES["light"].people[0]
    for side, knee in (("left", 4), ("right", 5)):
        column, row = seen_at(stage, 6, knee)
        assert near(frames[6][row, column], person[side])


def test_a_person_in_front_hides_the_one_behind() -> None:
    motion = walker(8, speed=0.0)
    stage = Stage(make_scene([Body(motion), Body(motion, Placement(z=-1.0))]), (960, 540))
    camera = stage.camera(0)
    _, depths = camera.project(np.stack([points[0, 0] for points in stage.scene.people]))
    ahead = int(np.argmin(depths))
    column, row = seen_at(stage, 0, 4, person=ahead)
    assert near(stage.paint(0)[row, column], PALETTES["light"].people[ahead]["left"])


def test_outlines_are_anti_aliased() -> None:
    stage = Stage(make_scene(walker(8, speed=0.0)), (960, 540), theme="dark", panel=False)
    painted = stage.paint(0)
    column, row = seen_at(stage, 0, 15)  # the head: ivory before a dark background
    half = painted[row - 10 : row + 10, column - 60 : column, 0].astype(int)
    low, high = half[:, 0].max(), half[:, -20:].min()
    assert high - low > 100
    between = (half > low + 0.2 * (high - low)) & (half < high - 0.2 * (high - low))
    assert between.any(axis=1).mean() > 0.5  # in most rows a pixel that is partly covered


def test_there_is_a_shadow_below_the_feet() -> None:
    scene = make_scene(walker(8, speed=0.0))
    stage = Stage(scene, (960, 540), panel=False)
    painted = stage.paint(0).astype(int)
    empty = stage.backdrop.astype(int)
    pixels, _ = stage.camera(0).project(scene.people[0][0])
    row = int(pixels[:, 1].max())
    below = np.s_[row - 6 : row + 6, int(pixels[0, 0]) : int(pixels[0, 0]) + 120]
    assert (empty[below].sum(axis=2) - painted[below].sum(axis=2)).max() > 100


def test_the_trail_shows_where_the_person_went() -> None:
    scene = make_scene(walker(60, speed=1.0))
    stage = Stage(scene, (960, 540), panel=False)
    start = scene.people[0][10, 0] * [1, 0, 1] + [0, -0.03, 0]
    pixels, _ = stage.camera(59).project(start)
    column, row = pixels.astype(int)
    patch = np.s_[row - 2 : row + 3, column - 2 : column + 3]
    before, after = (stage.paint(frame)[patch].astype(int) for frame in (0, 59))
    greener = (after[..., 1] - after[..., 0]).max() - (before[..., 1] - before[..., 0]).max()
    assert greener > 15


def test_words_change_where_segments_meet_and_the_timeline_grows() -> None:
    stage = Stage(make_scene(walker(24, words=WORDS)), (960, 540))
    panels = [stage.paint(frame)[stage.picture_height :].astype(int) for frame in range(24)]
    words = [panel[: panel.shape[0] // 2, :400] for panel in panels]
    changes = [f for f in range(1, 24) if not np.array_equal(words[f], words[f - 1])]
    assert changes == [8, 16]
    accent = rgb(PALETTES["light"].accent)
    done = [int((panel == accent).all(axis=-1).sum()) for panel in panels]
    assert done == sorted(done) and done[-1] > 20 * done[0]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("camera", ["frame", "follow"])
def test_every_theme_and_camera_draws_the_person(theme: str, camera: str) -> None:
    stage = Stage(make_scene(walker(24)), SMALL, theme=theme, camera=camera)
    column, row = seen_at(stage, 12, 5)
    assert near(stage.paint(12)[row, column], PALETTES[theme].people[0]["right"])


@pytest.mark.parametrize("name", ["walk.mp4", "walk.gif"])
def test_a_video_needs_no_more_memory_for_ten_times_the_frames(name: str, tmp_path: Path) -> None:
    peaks = []
    for frames in (20, 200):
        motion = walker(frames)
        assert motion.joints.shape == (frames, 22, 3)  # computed before it counts
        tracemalloc.start()
        render_video(motion, tmp_path / name, size=(160, 160))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    points = 200 * 34 * 3 * 4
    assert peaks[1] - peaks[0] < 8 * points  # positions grow, pictures (77 kB each) do not


def test_a_gif_moves_at_20_fps_for_ever_in_the_colours_of_the_video(tmp_path: Path) -> None:
    motion = walker(24, words=WORDS)
    path = render_video(motion, tmp_path / "walk.gif")
    with Image.open(path) as gif:
        assert (gif.n_frames, gif.size, gif.info["duration"], gif.info["loop"]) == (
            *(24, (480, 270)),
            *(50, 0),
        )
        gif.seek(12)
        shown = np.asarray(gif.convert("RGB")).astype(int)
    stage = Stage(make_scene(motion), (480, 270))
    painted = stage.paint(12).astype(int)
    assert np.abs(shown - painted).mean() < 4
    column, row = seen_at(stage, 12, 5)
    assert near(shown[row, column], PALETTES["light"].people[0]["right"])


def test_a_comparison_shows_every_motion_under_its_title(tmp_path: Path) -> None:
    motions = {"before": walker(12), "after": [Body(walker(20, speed=0.0, words=("stands",)))]}
    path = render_comparison(motions, tmp_path / "both.mp4", size=(640, 360))
    frames = decoded(path)
    assert len(frames) == 20
    scenes = {title: make_scene(motion) for title, motion in motions.items()}
    picture = Comparison(scenes, (640, 360)).paint(19)
    assert np.abs(frames[19].astype(int) - picture.astype(int)).mean() < 3
    panel = rgb(PALETTES["light"].panel)
    for start, end in ((0, 318), (322, 640)):
        title, body = picture[:26, start:end], picture[27:220, start:end]
        assert 20 < (title != panel).any(axis=2).sum() < 1500
        warm = body[..., 0].astype(int) - body[..., 2] > 60
        assert warm.sum() > 200  # a right arm and leg


def test_who_ends_early_in_a_comparison_stands_still() -> None:
    scenes = {"short": make_scene(walker(8)), "long": make_scene(walker(40))}
    comparison = Comparison(scenes, (480, 270))
    early, late = comparison.paint(7), comparison.paint(39)
    np.testing.assert_array_equal(early[:, :238], late[:, :238])
    assert not np.array_equal(early[:, 242:], late[:, 242:])


@pytest.mark.parametrize(("count", "size"), [(0, None), (7, None), (4, (320, 180))])
def test_comparisons_that_cannot_be_made_are_refused(count, size, tmp_path: Path) -> None:
    motions = {str(index): walker(8) for index in range(count)}
    with pytest.raises(InputError, match=f"{count} motions"):
        render_comparison(motions, tmp_path / "a.mp4", size=size)
    assert list(tmp_path.iterdir()) == []


def test_seams_are_marked_on_the_timeline_and_bad_ones_stand_out() -> None:
    motion = walker(24, words=WORDS)
    stage = Stage(make_scene([Body(motion, bad_seams=(1,))]), (960, 540))
    panel = stage.paint(0)[stage.picture_height :]
    span = 960 - 2 * 32
    for name, frame in (("seam", 8), ("bad", 16)):
        marked = (panel == rgb(getattr(PALETTES["light"], name))).all(axis=2)
        columns = np.flatnonzero(marked.any(axis=0))
        expected = 32 + span * frame / 24
        assert np.abs(columns[np.argmin(np.abs(columns - expected))] - expected) <= 2
    assert (panel == rgb(PALETTES["light"].bad)).all(axis=2).sum() > 15


def test_people_who_part_stay_in_the_picture() -> None:
    motion = walker(300, speed=1.2)
    scene = make_scene([Body(motion), Body(motion, Placement(180, 0, -1))])
    stage = Stage(scene, (960, 540), camera="follow")
    for frame in (0, 150, 299):
        for person in (0, 1):
            column, row = seen_at(stage, frame, 0, person)
            assert 0 < column < 960 and 0 < row < stage.picture_height


def test_progress_is_told_for_every_frame(tmp_path: Path) -> None:
    progress: list[tuple[int, int]] = []
    render_video(
        walker(8), tmp_path / "a.mp4", size=SMALL, progress=lambda *step: progress.append(step)
    )
    assert progress == [(i + 1, 8) for i in range(8)]


def test_an_interrupted_video_leaves_nothing_behind(tmp_path: Path) -> None:
    def interrupt(done: int, total: int) -> None:
        if done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        render_video(walker(8), tmp_path / "a.mp4", size=SMALL, progress=interrupt)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("write", "name"), [(render_video, "a.mp4"), (film_strip, "a.png"), (poster, "a.png")]
)
def test_a_path_that_cannot_be_written_is_an_unavailable_error(write, name, tmp_path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UnavailableError, match=f"{name} cannot be written"):
        write(walker(8), tmp_path / "file" / name)


@pytest.mark.parametrize(
    ("write", "name"),
    [(render_video, "a.avi"), (render_video, "a"), (film_strip, "a"), (poster, "a.jpg")],
)
def test_another_suffix_is_refused_before_anything_is_written(write, name, tmp_path) -> None:
    with pytest.raises(InputError, match="name the file"):
        write(walker(8), tmp_path / name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("size", [(961, 540), (20, 20), (10_000, 540)])
def test_a_size_that_cannot_be_made_is_refused(size: tuple[int, int], tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"{size[0]}×{size[1]}"):
        render_video(walker(8), tmp_path / "a.mp4", size=size)


def test_an_unknown_theme_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="light, dark"):
        render_video(walker(8), tmp_path / "a.mp4", theme="sepia")  # type: ignore[arg-type]


def test_one_frame_makes_a_video_a_strip_and_a_poster(tmp_path: Path) -> None:
    motion = Motion(walker(8).features[:1])
    assert len(decoded(render_video(motion, tmp_path / "a.mp4", size=SMALL))) == 1
    assert picture(film_strip(motion, tmp_path / "strip.png")).shape[0] > 360
    assert picture(poster(motion, tmp_path / "a.png")).shape == (540, 960, 3)


def test_a_strip_shares_its_moments_by_duration_and_forgets_no_segment() -> None:
    captions = [Caption(0, 40, "a"), Caption(40, 60, "b"), Caption(60, 64, "c")]
    shared = _moments(captions, 8, np.zeros((64, 1, 3), np.float32))
    assert [len(moments) for _, moments in shared] == [5, 2, 1]
    assert all(c.start <= moment < c.end for c, moments in shared for moment in moments)


def test_a_strip_with_more_segments_than_moments_shows_some_of_them() -> None:
    captions = [Caption(i, i + 1, str(i)) for i in range(10)]
    still = np.zeros((10, 1, 3), np.float32)
    assert [(c.text, m) for c, m in _moments(captions, 2, still)] == [("0", [0]), ("9", [9])]


def test_a_strip_shows_the_farthest_pose_then_one_unlike_it() -> None:
    poses = np.zeros((40, 1, 3), dtype=np.float32)
    poses[[7, 13, 25, 27], 0, 0] = [0.3, 0.5, 0.4, -0.2]
    assert _moments([Caption(0, 40, "a")], 2, poses)[0][1] == [13, 27]


def test_a_strip_holds_a_picture_per_moment(tmp_path: Path) -> None:
    path = film_strip(walker(24, words=WORDS), tmp_path / "strip.png", frames=6, height=200)
    margin = (picture(path) == rgb(PALETTES["light"].panel)).all(axis=2)
    row = margin[60]  # through the pictures
    starts = np.flatnonzero(row[:-1] & ~row[1:])
    assert len(starts) == 6


def test_a_strip_tells_what_each_of_two_people_does() -> None:
    scene = make_scene(
        [
            Body(walker(24, words=WORDS)),
            Body(walker(24, words=("a person sits", "a person stands up")), Placement(180, 0, 2)),
        ]
    )
    strip = paint_strip(scene, frames=6, height=200)
    for person, lines in ((0, 3), (1, 4)):  # in the middle the second sits and stands up
        marks = (strip == rgb(PALETTES["light"].people[person]["left"])).all(axis=2)[215:]
        assert marks.sum() > lines * 10
    assert _words(scene, scene.captions[0][1]) == [WORDS[1], "a person sits; a person stands up"]


@pytest.mark.slow
def test_100_000_frames_make_a_strip_a_poster_and_a_page(tmp_path: Path) -> None:
    features = np.tile(walker(24).features, (4167, 1))[:100_000]
    motion = Motion(features)
    assert picture(film_strip(motion, tmp_path / "strip.png")).shape[0] > 360
    assert picture(poster(motion, tmp_path / "a.png", frame=99_999)).shape == (540, 960, 3)
    page = write_player(motion, tmp_path / "motion.html")
    assert page.stat().st_size < 30_000_000


@pytest.mark.parametrize("frames", [0, 49])
def test_a_strip_of_too_few_or_too_many_moments_is_refused(frames: int, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="1 to 48"):
        film_strip(walker(8), tmp_path / "a.png", frames=frames)


def test_a_poster_shows_the_frame_that_is_asked_for(tmp_path: Path) -> None:
    motion = walker(40, speed=2.0)
    path = poster(motion, tmp_path / "a.png", frame=30)
    expected = Stage(make_scene(motion), (960, 540)).paint(30)
    np.testing.assert_array_equal(picture(path), expected)
    with pytest.raises(InputError, match="no frame 40"):
        poster(motion, path, frame=40)


def test_latin_greek_and_cyrillic_letters_need_no_system_font() -> None:
    box = text_mask("\U0010ffff", 20)
    for letter in "aéñßžŁğψЖщ×–…":
        assert not np.array_equal(text_mask(letter, 20), box)


def test_a_long_line_ends_in_an_ellipsis_that_fits() -> None:
    long, short = text_mask("walks " * 60, 19, max_width=300), text_mask("walks", 19)
    assert 250 < long.shape[1] <= 304
    assert short.shape[1] < 80


def test_text_is_broken_between_words_and_at_any_letter_where_there_are_none() -> None:
    assert wrapped("one two three", 20, max_width=90, max_lines=3) == ["one two", "three"]
    lines = wrapped("x" * 100, 20, max_width=200, max_lines=2)
    assert "".join(lines) == "x" * 100
    assert text_mask(lines[0], 20).shape[1] <= 203


@pytest.mark.parametrize("text", ["", "\n\t\x00", "👩‍🚀 漢字 عربي", "a\nb", "x" * 10_000])
def test_any_text_can_be_drawn(text: str) -> None:
    mask = text_mask(text, 16, max_width=400)
    assert mask.shape[0] == 22
    assert mask.shape[1] <= 404


def test_an_ffmpeg_without_h264_is_named_as_the_cause(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("motion_agent.motion_core.rendering.video._CODEC", "no-such-encoder")
    with pytest.raises(UnavailableError, match=r"no-such-encoder.*install"):
        render_video(walker(8), tmp_path / "a.mp4", size=SMALL)
    assert list(tmp_path.iterdir()) == []
