"""The quantizer: nearest codes, gradients, moving averages, and dead codes."""

from __future__ import annotations

import pytest
import torch

from motion_agent.motion_core.tokenizer.quantizer import EMAQuantizer


def quantizer_of(codebook: list[list[float]], **options: float) -> EMAQuantizer:
    """With this codebook, each code used once on average."""
    codes = torch.tensor(codebook)
    quantizer = EMAQuantizer(len(codes), codes.shape[1], **options)
    quantizer.codebook.copy_(codes)
    quantizer.sums.copy_(codes)
    quantizer.uses.fill_(1.0)
    quantizer.initialised.fill_(True)
    return quantizer


def test_each_vector_gets_the_nearest_code() -> None:
    torch.manual_seed(0)
    quantizer = EMAQuantizer(50, 6).eval()
    vectors = torch.randn(200, 6)
    expected = torch.cdist(vectors, quantizer.codebook).argmin(dim=1)
    assert torch.equal(quantizer(vectors).tokens, expected)
    assert torch.allclose(quantizer(vectors).vectors, quantizer.codebook[expected], atol=1e-6)


def test_the_gradient_goes_straight_through() -> None:
    quantizer = quantizer_of([[0.0, 0.0], [10.0, 10.0]]).eval()
    vectors = torch.tensor([[1.0, 2.0], [9.0, 8.0]], requires_grad=True)
    weights = torch.tensor([[3.0, -1.0], [0.5, 2.0]])
    (quantizer(vectors).vectors * weights).sum().backward()
    assert torch.equal(vectors.grad, weights)


def test_commitment_pulls_the_encoder_to_the_code() -> None:
    quantizer = quantizer_of([[0.0, 0.0], [10.0, 10.0]]).eval()
    vectors = torch.tensor([[1.0, 2.0], [9.0, 8.0]], requires_grad=True)
    commitment = quantizer(vectors).commitment
    assert commitment.item() == pytest.approx((1 + 4 + 1 + 4) / 4)
    commitment.backward()
    assert torch.allclose(vectors.grad, torch.tensor([[0.5, 1.0], [-0.5, -1.0]]))


def test_codes_follow_their_moving_averages() -> None:
    quantizer = quantizer_of([[0.0], [10.0]], decay=0.9, reset_share=0.0)
    quantizer.update(torch.tensor([[1.0], [2.0], [9.0]]), torch.tensor([0, 0, 1]))
    # uses: 0.9·1 + 0.1·2 = 1.1 and 0.9·1 + 0.1·1 = 1.0
    # sums: 0.9·0 + 0.1·3 = 0.3 and 0.9·10 + 0.1·9 = 9.9
    assert quantizer.uses.tolist() == pytest.approx([1.1, 1.0])
    assert quantizer.codebook[:, 0].tolist() == pytest.approx([0.3 / 1.1, 9.9])


def test_moving_averages_agree_with_a_plain_loop() -> None:
    torch.manual_seed(0)
    quantizer = EMAQuantizer(8, 3, decay=0.95, reset_share=0.0)
    quantizer.initialised.fill_(True)
    quantizer.sums.copy_(quantizer.codebook)

    def nearest(vector: list[float], codes: list[list[float]]) -> int:
        distances = [sum((a - b) ** 2 for a, b in zip(vector, c, strict=True)) for c in codes]
        return distances.index(min(distances))

    codebook = quantizer.codebook.double().tolist()
    uses, sums = [1.0] * 8, [list(code) for code in codebook]
    for _ in range(5):
        vectors = torch.randn(20, 3)
        for code in range(8):
            mine = [v for v in vectors.double().tolist() if nearest(v, codebook) == code]
            uses[code] = 0.95 * uses[code] + 0.05 * len(mine)
            sums[code] = [
                0.95 * s + 0.05 * sum(v[d] for v in mine) for d, s in enumerate(sums[code])
            ]
        codebook = [[s / use for s in total] for total, use in zip(sums, uses, strict=True)]
        quantizer(vectors)
    torch.testing.assert_close(quantizer.codebook, torch.tensor(codebook), rtol=1e-5, atol=1e-6)


def test_a_code_that_is_not_used_is_put_on_a_vector_of_the_batch() -> None:
    quantizer = quantizer_of([[0.0], [100.0]], decay=0.9, reset_share=0.5)
    batch = torch.tensor([[1.0], [2.0], [3.0], [4.0]])
    steps = 0
    while not quantizer.resets:
        quantizer(batch)
        steps += 1
    # An equal use is 2 of the 4 vectors, half of it 1: 0.9^n < 1 at once.
    assert steps == 1
    assert quantizer.codebook[1].item() in (1.0, 2.0, 3.0, 4.0)
    assert quantizer.uses[1].item() == pytest.approx(2.0)


def test_the_reset_threshold_scales_with_the_batch() -> None:
    """A code with half of an equal use lives, whether that is 0.05 uses a batch or 50."""
    for vectors_a_code in (0.1, 100.0):
        codes = 400
        count = int(vectors_a_code * codes)
        quantizer = EMAQuantizer(codes, 1, reset_share=0.125)
        quantizer.uses.fill_(vectors_a_code / 2)
        quantizer.update(torch.zeros(count, 1), torch.zeros(count, dtype=torch.long))
        assert quantizer.resets == 0
        quantizer.uses.fill_(vectors_a_code / 10)
        quantizer.update(torch.zeros(count, 1), torch.zeros(count, dtype=torch.long))
        assert quantizer.resets == codes - 1


def test_a_revived_code_has_time_to_settle() -> None:
    quantizer = quantizer_of([[0.0], [100.0]], decay=0.99, reset_share=0.125)
    quantizer.uses[1] = 0.0
    quantizer.update(torch.zeros(8, 1), torch.zeros(8, dtype=torch.long))
    assert quantizer.resets == 1
    quiet = 0
    while True:
        quantizer.update(torch.zeros(8, 1), torch.zeros(8, dtype=torch.long))
        if quantizer.resets:
            break
        quiet += 1
    assert quiet == 206  # 0.99^206 > 1/8 > 0.99^207


def test_the_codebook_starts_from_the_first_batch() -> None:
    torch.manual_seed(0)
    quantizer = EMAQuantizer(16, 2, reset_share=0.0)
    batch = 100 + torch.randn(64, 2)
    quantizer(batch)
    assert quantizer.codebook.min() > 90
    few = EMAQuantizer(16, 2, reset_share=0.0)
    few(torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
    assert len(few.codebook.unique(dim=0)) == 16


def test_padding_is_neither_learned_nor_counted() -> None:
    batch = torch.tensor([[1.0], [9.0], [1000.0]])
    valid = torch.tensor([True, True, False])
    masked = quantizer_of([[0.0], [10.0]], decay=0.5, reset_share=0.0)
    plain = quantizer_of([[0.0], [10.0]], decay=0.5, reset_share=0.0)
    with_padding, without = masked(batch, valid), plain(batch[:2])
    assert torch.equal(masked.codebook, plain.codebook)
    assert with_padding.commitment == without.commitment


def test_evaluation_leaves_the_codebook_alone() -> None:
    quantizer = quantizer_of([[0.0], [10.0]]).eval()
    before = quantizer.codebook.clone()
    quantizer(torch.randn(10, 1))
    assert torch.equal(quantizer.codebook, before)


def test_the_first_steps_can_pass_unquantized() -> None:
    quantizer = quantizer_of([[0.0], [10.0]])
    quantizer.bypassed = True
    vectors = torch.tensor([[3.0], [4.0]])
    found = quantizer(vectors)
    assert torch.equal(found.vectors, vectors)
    assert found.commitment.item() == 0
    assert quantizer.codebook[:, 0].tolist() == [0.0, 10.0]
