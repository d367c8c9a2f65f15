"""MotionLLM's forward path against an ordinary model with a resized vocabulary."""

from __future__ import annotations

import copy

import pytest
import torch
from motionllm_toys import CODES, FAMILIES, backbone, motion_llm

from motion_agent.motion_core.errors import ConfigurationError
from motion_agent.motion_core.motionllm import lora
from motion_agent.motion_core.motionllm.frozen_norm import replace_norms
from motion_agent.motion_core.motionllm.model import IGNORE, MotionLLM


def resized(model: MotionLLM, original: torch.nn.Module, direction: str) -> torch.nn.Module:
    """The same model the ordinary way: merged weights, a longer embedding, a longer head."""
    plain = copy.deepcopy(original)
    modules = dict(plain.named_modules())
    for name, layer in lora.layers(model.backbone):
        delta = layer.scale[direction] * layer.b[direction] @ layer.a[direction]
        modules[name].weight.data += delta.detach()
    vocabulary = model.vocabulary
    plain.resize_token_embeddings(vocabulary + CODES + 2, mean_resizing=False)
    plain.get_input_embeddings().weight.data[vocabulary:] = model.rows[f"{direction}_embed"]
    if direction == "t2m":
        plain.get_output_embeddings().weight.data[vocabulary + 1 :] = model.rows["t2m_head"]
    return plain


def mixed_ids(vocabulary: int) -> torch.Tensor:
    """(2, 9) ids of text and motion."""
    generator = torch.Generator().manual_seed(1)
    text = torch.randint(vocabulary, (2, 4), generator=generator)
    motion = torch.randint(vocabulary, vocabulary + CODES + 2, (2, 5), generator=generator)
    return torch.cat([text, motion], dim=1)


@pytest.mark.parametrize("family", FAMILIES)
@torch.no_grad()
def test_composed_forward_equals_a_model_with_resized_embeddings(family: str) -> None:
    model = motion_llm(family)
    ids = mixed_ids(model.vocabulary)
    for direction in ("t2m", "m2t"):
        model.use(direction)
        hidden = model.hidden(ids, direction).last_hidden_state
        expected = resized(model, backbone(family), direction)(ids).logits
        if direction == "t2m":
            ours, theirs = model.motion_logits(hidden), expected[..., model.vocabulary + 1 :]
        else:
            ours, theirs = model.text_logits(hidden), expected[..., : model.vocabulary]
        assert ours.shape == theirs.shape
        assert theirs.std() > 0.1
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("family", FAMILIES)
def test_only_the_rows_and_the_active_adapter_get_gradients(family: str) -> None:
    model = motion_llm(family)
    ids = mixed_ids(model.vocabulary)
    targets = torch.full_like(ids, IGNORE)
    targets[:, 4:] = torch.randint(CODES + 1, (2, 5))
    model.use("t2m")
    model.loss(ids, targets, "t2m").backward()
    for name, parameter in model.named_parameters():
        ours = name.startswith("rows.t2m") or name.endswith((".a.t2m", ".b.t2m"))
        assert (parameter.grad is not None) == ours, name
        if ours:
            assert parameter.grad is not None and parameter.grad.abs().max() > 0, name


@pytest.mark.parametrize("family", ["llama", "gemma2", "qwen2"])
def test_merged_adapters_have_the_gradients_of_unmerged_ones(family: str) -> None:
    ids = mixed_ids(300)
    targets = torch.randint(CODES + 1, ids.shape)
    found = []
    for merged in (True, False):
        model = motion_llm(family)
        model.use("t2m")
        if not merged:
            for _, layer in lora.layers(model):
                layer.merged = None
        loss = model.loss(ids, targets, "t2m")
        loss.backward()
        found.append((loss, {n: p.grad for n, p in model.named_parameters() if p.requires_grad}))
    torch.testing.assert_close(found[0][0], found[1][0])
    for name, gradient in found[0][1].items():
        if gradient is not None:
            torch.testing.assert_close(gradient, found[1][1][name], atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize("shape", [(1, 1, 6), (3, 1, 6), (2, 4, 6), (4, 3, 6), (2, 6)])
def test_few_rows_give_the_product_of_many(shape: tuple[int, ...]) -> None:
    layer = lora.LoRALinear(torch.nn.Linear(6, 5))
    layer.add("t2m", 2, 2.0)
    torch.nn.init.normal_(layer.b["t2m"])
    layer.active = "t2m"
    layer.merge()
    x = torch.randn(shape)
    weight = layer.base.weight + 2.0 * layer.b["t2m"] @ layer.a["t2m"]
    with torch.no_grad():
        torch.testing.assert_close(layer(x), x @ weight.t() + layer.base.bias)


def test_switching_adapters_back_and_forth_changes_nothing() -> None:
    model = motion_llm()
    ids = mixed_ids(model.vocabulary)
    model.use("t2m")
    with torch.no_grad():
        before = model.hidden(ids, "t2m").last_hidden_state
        for direction in ("m2t", None, "t2m", "m2t", "t2m"):
            model.use(direction)
        after = model.hidden(ids, "t2m").last_hidden_state
    assert torch.equal(before, after)


def test_a_new_adapter_leaves_the_backbone_as_it_is() -> None:
    model = motion_llm(trained=False)
    ids = torch.randint(model.vocabulary, (2, 6))
    model.use("t2m")
    with torch.no_grad():
        ours = model.hidden(ids, "t2m").last_hidden_state
        plain = backbone().base_model(ids).last_hidden_state
    torch.testing.assert_close(ours, plain, atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("family", ["llama", "qwen2", "qwen3"])
def test_the_frozen_norm_equals_the_familys_own(family: str) -> None:
    ids = torch.randint(300, (2, 6))
    found = []
    for replaced in (False, True):
        model = backbone(family)
        assert not replaced or replace_norms(model.base_model) >= 5
        embedded = model.get_input_embeddings()(ids).detach().requires_grad_()
        model.base_model(inputs_embeds=embedded).last_hidden_state.square().sum().backward()
        found.append(embedded.grad)
    torch.testing.assert_close(found[0], found[1], atol=1e-3, rtol=1e-4)


def test_gemmas_norms_are_left_alone() -> None:
    assert replace_norms(backbone("gemma2").base_model) == 0


@pytest.mark.filterwarnings("ignore::FutureWarning")  # peft, of transformers
def test_adapters_load_into_peft_and_give_the_same_hidden_states() -> None:
    peft = pytest.importorskip("peft")
    model = motion_llm()
    state = lora.adapter_state(model.backbone, "t2m")
    config = peft.LoraConfig(r=4, lora_alpha=8, target_modules="all-linear", lora_dropout=0.0)
    plain = peft.get_peft_model(backbone(), config)
    result = peft.set_peft_model_state_dict(plain, state)
    assert not result.unexpected_keys
    ids = torch.randint(300, (2, 6))
    model.use("t2m")
    with torch.no_grad():
        ours = model.hidden(ids, "t2m").last_hidden_state
        theirs = plain.base_model.model.model(ids).last_hidden_state
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)


def test_similar_codes_start_with_similar_rows() -> None:
    model = motion_llm(trained=False)
    codebook = torch.randn(CODES, 8)
    codebook[1] = codebook[0] + 0.01
    model.initialise_rows(codebook, "t2m")
    rows = model.rows["t2m_embed"].detach()
    distance = torch.cdist(rows[2:], rows[2:])
    assert distance[0, 1] < 0.05 * distance[0, 2:].mean()
    text = model.backbone.get_input_embeddings().weight
    assert 0.5 < rows.std() / text.std() < 2
    assert model.rows["t2m_head"].abs().max() > 0


def test_an_architecture_without_linear_layers_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="no linear projections"):
        lora.attach(torch.nn.Sequential(torch.nn.Conv1d(2, 2, 1)))


@pytest.mark.parametrize(("p", "kept"), [(0.1, 230 / 256), (0.5, 0.5), (0.9, 26 / 256)])
def test_dropout_keeps_its_share_and_the_mean(p: float, kept: float) -> None:
    torch.manual_seed(0)
    dropout, x = lora.ByteDropout(p), torch.ones(3, 7, 9973, requires_grad=True)
    y = dropout(x)
    assert y.unique().tolist() == pytest.approx([0, 1 / kept])
    assert float((y > 0).float().mean()) == pytest.approx(kept, abs=3e-3)
    y.sum().backward()
    assert x.grad is not None and torch.equal(x.grad, y.detach())
    assert not torch.equal(dropout(x) > 0, y > 0)
    assert torch.equal(dropout.eval()(x), x)
