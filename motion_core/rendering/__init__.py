"""Motion out to the eye: video, film strip, poster and an interactive page."""

from .film_strip import film_strip, poster
from .player import player_page, write_player
from .scene import Body, Placement
from .video import render_video

__all__ = [
    "Body",
    "Placement",
    "film_strip",
    "player_page",
    "poster",
    "render_video",
    "write_player",
]
