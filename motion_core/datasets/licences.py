"""Sources of motion and captions, and the terms of weights trained on them.

Prepared data sets and checkpoints name their sources; `attributions` has the texts of NOTICE.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal, get_args

Terms = Literal["free", "share-alike", "non-commercial"]
"""What weights inherit: ``free`` may be used by a company, with the citation alone; each of these
is stricter than those before it."""


@dataclass(frozen=True)
class Source:
    """One source of motion or of captions.

    Attributes:
        title: description, licence and citation.
        terms: inherited by weights trained on it.
        weight: of a caption when one is drawn for training; 1 for human captions.
    """

    title: str
    terms: Terms
    weight: float = 1.0


MOTION_SOURCES = {
    "bandai-namco": Source(
        "Bandai-Namco Research Motiondataset 1 and 2, CC BY-NC 4.0; arXiv:2306.08861",
        "non-commercial",
    ),
    "hdm05": Source("HDM05 Mocap Database (Müller et al., 2007), CC BY-SA 3.0", "share-alike"),
    "cmu": Source(
        "CMU Graphics Lab Motion Capture Database, free use; mocap.cs.cmu.edu, NSF EIA-0196217",
        "free",
    ),
    "cmu-mocap": Source(
        "CMU Graphics Lab Motion Capture Database, free use; mocap.cs.cmu.edu, NSF EIA-0196217",
        "free",
    ),
    "deepmimic": Source("DeepMimic reference motions (Peng et al., 2018), MIT", "free"),
    "mesh2motion": Source("Mesh2Motion animations, CC0 1.0", "free"),
    "kaykit": Source("KayKit character animations, CC0 1.0", "free"),
    "custom": Source("your own", "free"),
}

CAPTION_SOURCES = {
    "humanml3d": Source("HumanML3D annotations (Guo et al., CVPR 2022), MIT", "free"),
    "kit-ml": Source(
        "KIT Motion-Language Dataset annotations (Plappert et al., 2016), free use", "free"
    ),
    "babel": Source(
        "BABEL labels (Punnakkal et al., CVPR 2021) as sentences, non-commercial",
        "non-commercial",
        weight=0.5,
    ),
    "description": Source("the motion source's own description", "free", weight=0.4),
    "labels": Source("a phrase grammar over class labels (motion_agent)", "free", weight=0.7),
    "custom": Source("your own", "free"),
}
FREE_CAPTIONS = tuple(name for name, source in CAPTION_SOURCES.items() if source.terms == "free")
"""Caption sources that leave weights free for a company's use: what is prepared by default."""


def terms_of(motion: Collection[str], captions: Collection[str]) -> Terms:
    """Return the terms of weights trained on these sources: the strictest of any.

    Args:
        motion: names of `MOTION_SOURCES`.
        captions: names of `CAPTION_SOURCES`.

    Raises:
        KeyError: unknown source.
    """
    found = [
        *(MOTION_SOURCES[name].terms for name in motion),
        *(CAPTION_SOURCES[name].terms for name in captions),
    ]
    order: tuple[Terms, ...] = get_args(Terms)
    return max(found, key=order.index, default="free")
