"""Motion made visible: video, film strip, poster and an interactive page."""

from ..placement import Placement
from .comparison import render_comparison
from .film_strip import film_strip, poster
from .player import player_iframe, player_page, write_player
from .scene import Body
from .video import render_video

__all__ = [
    "Body",
    "Placement",
    "film_strip",
    "player_iframe",
    "player_page",
    "poster",
    "render_comparison",
    "render_video",
    "write_player",
]
