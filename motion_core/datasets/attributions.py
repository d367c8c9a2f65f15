"""NOTICE's attribution of training data by source: authors, licence, citation and changes.

`docs/fill_in.py` writes parts 1 and 2 of NOTICE from here and from the shipped checkpoint's list of
training data.
"""

from __future__ import annotations

from collections.abc import Collection

from .licences import Terms, terms_of

MOTION = {
    "bandai-namco": """
Bandai-Namco Research Motiondataset 1 and 2
    Copyright Bandai Namco Research Inc.
    Licence: Creative Commons Attribution-NonCommercial 4.0 International (CC BY-NC 4.0)
    https://github.com/BandaiNamcoResearchInc/Bandai-Namco-Research-Motiondataset
    Cite: Makito Kobayashi, Chen-Chieh Liao, Keito Inoue, Sentaro Yojima, Masafumi Takahashi.
    "Motion Capture Dataset for Practical Use of AI-based Motion Editing and Stylization."
    arXiv:2306.08861, 2023.
    Changes: converted to the HumanML3D representation at 20 fps; mirrored copies added; captions
    generated from the class labels in the file names.
""",
    "cmu-mocap": """
CMU Graphics Lab Motion Capture Database
    Free for use in research and commercial projects worldwide; the raw data may not be resold.
    "The data used in this project was obtained from mocap.cs.cmu.edu.
    The database was created with funding from NSF EIA-0196217."
    Changes: converted to the HumanML3D representation at 20 fps; feet brought to the floor;
    mirrored copies added; the database's own descriptions used as captions.
""",
    "deepmimic": """
DeepMimic reference motions
    Copyright (c) 2018 Xue Bin Peng. Licence: MIT
    https://github.com/xbpeng/DeepMimic
    Cite: Xue Bin Peng, Pieter Abbeel, Sergey Levine, Michiel van de Panne. "DeepMimic:
    Example-Guided Deep Reinforcement Learning of Physics-Based Character Skills." ACM Transactions
    on Graphics 37(4), 2018.
    Changes: rotations put on the HumanML3D skeleton at 20 fps; mirrored copies added; captions
    written from the file names.
""",
    "hdm05": """
HDM05 Mocap Database
    Licence: Creative Commons Attribution-ShareAlike 3.0 (CC BY-SA 3.0), as its site states
    https://resources.mpi-inf.mpg.de/HDM05/
    Cite: M. Müller, T. Röder, M. Clausen, B. Eberhardt, B. Krüger, A. Weber.
    "Documentation Mocap Database HDM05." Technical report CG-2007-2, Universität Bonn, June 2007.
    Changes: converted to the HumanML3D representation at 20 fps; mirrored copies added; captions
    generated from the class labels in the file names.
""",
    "kaykit": """
KayKit Character Animations, by Kay Lousberg
    Licence: Creative Commons Zero (CC0 1.0)          https://kaylousberg.com
    Changes: rotations put on the HumanML3D skeleton at 20 fps; mirrored copies added; captions
    written from the names of the clips.
""",
    "mesh2motion": """
Mesh2Motion animations, with those of Quaternius' Universal Animation Library
    Licence: Creative Commons Zero (CC0 1.0)
    https://github.com/Mesh2Motion/mesh2motion-app    https://quaternius.com
    Changes: as those of KayKit.
""",
}
MOTION["cmu"] = MOTION["cmu-mocap"]
"""By source of motion."""

CAPTIONS = {
    "babel": """
BABEL labels
    Non-commercial scientific research, see https://babel.is.tue.mpg.de/license.html
    Cite: Abhinanda R. Punnakkal et al. "BABEL: Bodies, Action and Behavior with English Labels."
    CVPR 2021.
""",
    "humanml3d": """
HumanML3D captions
    Copyright (c) 2022 Chuan Guo. Licence: MIT, whose text is below
    https://github.com/EricGuo5513/HumanML3D
    Cite: Guo et al. "Generating Diverse and Natural 3D Human Motions from Text." CVPR 2022.
    Used: captions of CMU's motions, and captions without motion from which m2t learnt phrasing.

    Permission is hereby granted, free of charge, to any person obtaining a copy of this software
    and associated documentation files (the "Software"), to deal in the Software without
    restriction, including without limitation the rights to use, copy, modify, merge, publish,
    distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the
    Software is furnished to do so, subject to the following conditions:

    The above copyright notice and this permission notice shall be included in all copies or
    substantial portions of the Software.

    THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING
    BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND
    NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM,
    DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
    OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
""",
    "kit-ml": """
KIT Motion-Language Dataset captions
    Free to use with citation. https://motion-annotation.humanoids.kit.edu/dataset/
    Cite: Matthias Plappert, Christian Mandery, Tamim Asfour. "The KIT Motion-Language Dataset."
    Big Data 4(4), 2016.
    Used: as those of HumanML3D.
""",
}
"""By source of captions; sources that the motion itself brought along are told there."""

_WEIGHTS: dict[Terms, tuple[str, str]] = {
    "free": (
        "free for any use, with attribution",
        "They may be used for any purpose, with attribution to the sources below.",
    ),
    "share-alike": (
        "CC BY-SA 4.0",
        """\
HDM05 is licensed CC BY-SA 3.0, which lets adaptations have a later version of the same licence, so
these weights are licensed under Creative Commons Attribution-ShareAlike 4.0 International
(CC BY-SA 4.0, https://creativecommons.org/licenses/by-sa/4.0/legalcode), with attribution to the
sources below. They may be used commercially. Who changes them and passes the result on does so
under the same licence and says what was changed. No rights are claimed in motions that are made
with them.""",
    ),
    "non-commercial": (
        "NON-COMMERCIAL USE ONLY",
        "One of the sources allows no commercial use, so the weights allow none.",
    ),
}


def notice(motion: Collection[str], captions: Collection[str]) -> str:
    """Return parts 1 and 2 of NOTICE for weights trained on these sources.

    Args:
        motion: names of `licences.MOTION_SOURCES`.
        captions: names of `licences.CAPTION_SOURCES`.

    Raises:
        KeyError: a source of motion has no attribution yet.
    """
    title, terms = _WEIGHTS[terms_of(motion, captions)]
    first, second = f"1. The shipped weights: {title}", "2. Data used for training"
    parts = [
        *(MOTION[name] for name in sorted(motion)),
        *(CAPTIONS[name] for name in sorted(captions) if name in CAPTIONS),
    ]
    attributions = "\n\n".join(part.strip() for part in parts)
    return f"""\
{first}
{"-" * len(first)}
The tokenizer, motion rows, adapters, matching network and coverage vectors in
motion_core/checkpoints/ were trained on the data listed in part 2; neighbours.safetensors there
holds the motion tokens of the captioned training clips and their captions, which decoding looks
up.
{terms}
The code itself has no such terms: weights that you train on your own motion capture with it are
yours.


{second}
{"-" * len(second)}
No recording is contained in this repository or in the package. Motion tokens only approximate one:
each stands for 0.2 s of motion and is one of 512. The captions of the clips are there as written.

{attributions}
"""
