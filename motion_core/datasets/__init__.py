"""Prepared data sets: motion capture with captions and a split. `prepare.prepare` builds them."""

from .captions import labels_in_caption, make_captions
from .prepared import Caption, Clip, PreparedDataset, Recording

__all__ = [
    "Caption",
    "Clip",
    "PreparedDataset",
    "Recording",
    "labels_in_caption",
    "make_captions",
]
