"""The tokenizer's losses: features, joint positions, and the path of the root.

Source: T2M-GPT (Zhang et al., CVPR 2023), equation 3: smooth L1 on the normalised features, plus
half of the same on the joint positions, plus 0.02 · commitment. The path term is ours: an error of
one millimetre a frame is invisible in the features but amounts to ten centimetres after five
seconds.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ..features import Columns


def grouped_std(std: Tensor) -> Tensor:
    """Return standard deviations ``(D,)`` averaged within each group of columns.

    This makes a centimetre count the same for every joint, as in HumanML3D's own normalisation.
    """
    averaged = std.clone()
    for group in Columns(len(std)).groups:
        averaged[group] = std[group].mean().clamp(min=1e-4)
    return averaged


def smooth_l1(predicted: Tensor, real: Tensor, beta: float) -> Tensor:
    """Return the elementwise loss: quadratic below `beta`, linear above."""
    return F.smooth_l1_loss(predicted, real, reduction="none", beta=beta)


def joint_distances(predicted: Tensor, real: Tensor) -> Tensor:
    """Return the distance in metres of each joint but the root: features ``(..., 263)`` -> ``(...,
    21)``.
    """
    positions = Columns(real.shape[-1]).positions
    apart = predicted[..., positions] - real[..., positions]
    apart = apart.reshape(*apart.shape[:-1], -1, 3)
    return (apart.square().sum(dim=-1) + 1e-8).sqrt()


def root_path(features: Tensor) -> tuple[Tensor, Tensor]:
    """Return heading ``(B, T)`` in radians and position ``(B, T, 2)`` in metres, from a zero start.

    This is a differentiable `recover_root_rot_pos` of HumanML3D for features ``(B, T, 263)``.
    """
    inclusive = 2 * features[..., 0].cumsum(dim=1)  # column 0 holds half angles
    turn = torch.cat([torch.zeros_like(inclusive[:, :1]), inclusive[:, :-1]], dim=1)
    # The velocity of frame t leads to frame t + 1 and is given in the heading of frame t + 1.
    cos, sin = inclusive.cos(), inclusive.sin()
    x, z = features[..., 1], features[..., 2]
    steps = torch.stack([x * cos - z * sin, x * sin + z * cos], dim=-1)  # (B, T, 2)
    path = steps.cumsum(dim=1)
    return turn, torch.cat([torch.zeros_like(path[:, :1]), path[:, :-1]], dim=1)


def path_error(predicted: Tensor, real: Tensor, valid: Tensor) -> Tensor:
    """Return the mean distance in metres of the root's path from the real one, plus the heading
    error.

    Args:
        predicted: features ``(B, T, 263)``, not normalised, as `real`.
        real: features ``(B, T, 263)``.
        valid: ``(B, T)`` float; 0 for padding.
    """
    turn, place = root_path(predicted)
    real_turn, real_place = root_path(real)
    apart = ((place - real_place).square().sum(dim=-1) + 1e-8).sqrt()  # (B, T)
    turned = (turn - real_turn).abs()  # (B, T): a radian counts as a metre, an arm's length away
    return ((apart + turned) * valid).sum() / valid.sum()
