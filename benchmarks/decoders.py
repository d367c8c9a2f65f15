"""One step of the decoder in other runtimes: how fast, and does it choose the same tokens?

    pip install openvino nncf
    OMP_NUM_THREADS=2 python benchmarks/decoders.py

Motions of `--tokens` tokens are drawn for eight descriptions at float32 and read again, token by
token, alone and as a batch of eight. Shown are motion tokens a second, prompts not included, and
how many of the most probable next tokens are those of float32. `ours` is what the engine uses;
`step` is the same decoder as one module with a cache of fixed size, as PyTorch runs it, compiled by
torch.compile (which needs a C++ compiler), and converted to OpenVINO with weights of 32 and of 8
bits. What is not installed is told and left out. llama.cpp is in benchmarks/served.py.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec

import torch
import torch.nn.functional as F
from authors import STEPS
from served import draw, load_decoder, prompt_ids
from torch import Tensor, nn

from motion_agent.motion_core.motionllm.checkpoint import load_checkpoint
from motion_agent.motion_core.motionllm.inference import InferenceModel
from motion_agent.motion_core.motionllm.llama import FloatWeight, Llama

SLOTS = 96
Run = Callable[[Tensor, Tensor, Tensor], Sequence[Tensor]]
"""(x (B, 1, D), positions (B,), cache) -> states (B, D), new keys and values."""


class Step(nn.Module):
    """The decoder for one token of each row, with the cache as an input."""

    def __init__(self, llama: Llama) -> None:
        super().__init__()
        self.config = c = llama.config
        names = ("qkv", "out", "gate_up", "down")
        for number, layer in enumerate(llama.layers):
            for name in names:
                weight = getattr(layer, name)
                assert isinstance(weight, FloatWeight)
                self.register_buffer(f"{name}{number}", weight.weight)
            self.register_buffer(f"a{number}", layer.attention_norm)
            self.register_buffer(f"m{number}", layer.mlp_norm)
        self.register_buffer("norm", llama.norm)
        half = torch.arange(0, c.head_dim, 2).float() / c.head_dim
        self.register_buffer("frequencies", c.theta**-half)

    def forward(self, x: Tensor, positions: Tensor, cache: Tensor) -> tuple[Tensor, Tensor]:
        c, batch, groups = self.config, x.shape[0], self.config.heads // self.config.kv_heads
        angles = positions[:, None].float() * self.frequencies  # (B, d / 2)
        cos, sin = (f(angles)[:, None].to(x.dtype) for f in (torch.cos, torch.sin))
        seen = torch.arange(cache.shape[4])[None] < positions[:, None]  # (B, S)
        mask = torch.where(seen, 0.0, -1e9)[:, None, None].to(x.dtype)
        x, new = x[:, 0], []
        for n in range(c.layers):
            y = F.linear(self._normal(x, f"a{n}"), self.get_buffer(f"qkv{n}"))
            heads = y.view(batch, -1, c.head_dim)
            q, k, v = heads.split([c.heads, c.kv_heads, c.kv_heads], 1)
            q, k = (_turned(part, cos, sin) for part in (q, k))
            q = q.view(batch, c.kv_heads, groups, c.head_dim) * c.head_dim**-0.5
            k, v = k.unsqueeze(2), v.unsqueeze(2)  # (B, KV, 1, d)
            keys, values = cache[n, 0], cache[n, 1]  # (B, KV, S, d)
            scores = torch.cat(
                [q @ keys.transpose(-1, -2) + mask, q @ k.transpose(-1, -2)], -1
            ).softmax(-1)
            slots = cache.shape[4]
            read = scores[..., :slots] @ values + scores[..., slots:] @ v
            x = x + F.linear(read.reshape(batch, -1), self.get_buffer(f"out{n}"))
            y = F.linear(self._normal(x, f"m{n}"), self.get_buffer(f"gate_up{n}"))
            gate, up = y.chunk(2, -1)
            x = x + F.linear(F.silu(gate) * up, self.get_buffer(f"down{n}"))
            new.append(torch.stack([k, v]))
        return self._normal(x, "norm"), torch.stack(new)

    def _normal(self, x: Tensor, name: str) -> Tensor:
        scale = torch.rsqrt(x.float().square().mean(-1, keepdim=True) + self.config.epsilon)
        return (x.float() * scale).to(x.dtype) * self.get_buffer(name)


def _turned(heads: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotate numbers 2 i and 2 i + 1 of each head together; see `llama.interleaved`."""
    first, second = heads.unflatten(-1, (-1, 2)).unbind(-1)
    return torch.stack([first * cos - second * sin, first * sin + second * cos], -1).flatten(-2)


@dataclass(frozen=True)
class Drawn:
    """What is read again: prompts and motions, as ids, all motions of one length."""

    prompts: list[list[int]]
    motions: list[list[int]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tokens", type=int, default=40, help="of each motion")
    parser.add_argument(
        "--rounds", type=int, default=3, help="number of rounds; the fastest counts"
    )
    parser.add_argument("--without-compile", action="store_true", help="skip the slow compiler")
    arguments = parser.parse_args()
    checkpoint, rounds = load_checkpoint(), arguments.rounds
    model, prompt = load_decoder(checkpoint, torch.float32)
    motions = draw(model, prompt, STEPS, arguments.tokens)
    drawn = Drawn(
        [prompt_ids(model, prompt, text) for text in STEPS],
        [model.token_ids(motion) for motion in motions],
    )
    expected = read_with_ours(model, drawn, rounds)
    print(f"{torch.get_num_threads()} threads; tokens a second alone, of eight; same as float32")
    _tell("ours, float32", expected, expected)
    for dtype, name in ((torch.bfloat16, "bfloat16"), (torch.int8, "8-bit")):
        own, _ = load_decoder(checkpoint, dtype)
        _tell(f"ours, {name}", read_with_ours(own, drawn, rounds), expected)
    for dtype, name in ((torch.float32, "float32"), (torch.bfloat16, "bfloat16")):
        step = Step(load_decoder(checkpoint, dtype)[0]._weights.decoder("t2m")).eval()
        _tell(f"step, {name}", read(step, model, drawn, dtype, rounds), expected)
        if arguments.without_compile:
            continue
        try:
            compiled = torch.compile(step, dynamic=False)
            _tell(f"torch.compile, {name}", read(compiled, model, drawn, dtype, rounds), expected)
        except Exception as err:  # whatever the compiler says
            print(f"torch.compile, {name}: not here ({type(err).__name__})", flush=True)
    if find_spec("openvino") is None or find_spec("nncf") is None:
        print("OpenVINO: not installed (pip install openvino nncf)")
        return
    step = Step(model._weights.decoder("t2m")).eval()
    for bits in (32, 8):
        run = openvino_step(step, model, bits)
        _tell(f"OpenVINO, {bits}-bit", read(run, model, drawn, torch.float32, rounds), expected)


def openvino_step(step: Step, model: InferenceModel, bits: int) -> Run:
    """Return the step as OpenVINO runs it on a CPU."""
    import nncf
    import openvino

    c = step.config
    example = (
        torch.zeros(2, 1, c.width),
        torch.zeros(2, dtype=torch.long),
        torch.zeros(c.layers, 2, 2, c.kv_heads, SLOTS, c.head_dim),
    )
    shapes = [
        openvino.PartialShape([-1, 1, c.width]),
        openvino.PartialShape([-1]),
        openvino.PartialShape([c.layers, 2, -1, c.kv_heads, SLOTS, c.head_dim]),
    ]
    with torch.no_grad():
        converted = openvino.convert_model(step, example_input=example, input=shapes)
    if bits == 8:
        converted = nncf.compress_weights(converted, mode=nncf.CompressWeightsMode.INT8_SYM)
    threads = torch.get_num_threads()
    settings = {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY"}
    compiled = openvino.Core().compile_model(converted, "CPU", settings)
    request = compiled.create_infer_request()

    def run(x: Tensor, positions: Tensor, cache: Tensor) -> Sequence[Tensor]:
        found = request.infer(
            [x.numpy(), positions.numpy(), cache.numpy()], share_inputs=True, share_outputs=True
        )
        return [torch.from_numpy(found[number]) for number in range(2)]

    return run


Result = tuple[float, float, list[int]]
"""Tokens a second of one motion and of a batch of eight, and the batch's most probable tokens."""


@torch.inference_mode()
def read(run: Run, model: InferenceModel, drawn: Drawn, dtype: torch.dtype, rounds: int) -> Result:
    """Read the motions with a `Step`, or with what was made of one."""
    c = model._weights.config

    def pass_over(rows: Sequence[int]) -> tuple[float, list[Tensor]]:
        cache = torch.zeros(c.layers, 2, len(rows), c.kv_heads, SLOTS, c.head_dim, dtype=dtype)
        lanes, found = torch.arange(len(rows)), []
        places = torch.zeros(len(rows), dtype=torch.long)
        prompts = [drawn.prompts[row] for row in rows]

        def advance(ids: list[int]) -> Tensor:
            x = model.embed(torch.tensor(ids)[:, None], "t2m").to(dtype)
            states, new = run(x, places, cache)
            cache[:, :, lanes, :, places] = new[:, :, :, :, 0].permute(2, 0, 1, 3, 4)
            places.add_(1)
            return states

        states = torch.zeros(len(rows), c.width, dtype=dtype)
        for column in range(max(map(len, prompts))):  # shorter ones repeat their end, then go back
            ids = [prompt[min(column, len(prompt) - 1)] for prompt in prompts]
            now = advance(ids)
            last = torch.tensor([len(prompt) - 1 == column for prompt in prompts])
            states = torch.where(last[:, None], now, states)
        places.copy_(torch.tensor([len(prompt) for prompt in prompts]))
        begin = time.perf_counter()
        for column in range(len(drawn.motions[0])):
            found.append(model.motion_logits(states).argmax(-1))
            states = advance([drawn.motions[row][column] for row in rows])
        return time.perf_counter() - begin, found

    return _timed(pass_over, drawn, rounds)


@torch.inference_mode()
def read_with_ours(model: InferenceModel, drawn: Drawn, rounds: int) -> Result:
    """Read the motions as `decoding` does."""

    def pass_over(rows: Sequence[int]) -> tuple[float, list[Tensor]]:
        length = len(drawn.motions[0])
        prompts = [drawn.prompts[row] for row in rows]
        reading, found = model.reading("t2m", prompts, [length + 1] * len(rows)), []
        begin = time.perf_counter()
        for column in range(length):
            found.append(model.motion_logits(reading.last).argmax(-1))
            reading.advance([drawn.motions[row][column] for row in rows])
        return time.perf_counter() - begin, found

    return _timed(pass_over, drawn, rounds)


def _timed(
    pass_over: Callable[[Sequence[int]], tuple[float, list[Tensor]]], drawn: Drawn, rounds: int
) -> Result:
    length, everything = len(drawn.motions[0]), range(len(drawn.motions))
    pass_over([0])  # which may compile
    alone = min(pass_over([row])[0] for row in everything[:rounds])
    pass_over(everything)
    passes = [pass_over(everything) for _ in range(rounds)]
    together = min(seconds for seconds, _ in passes)
    tokens = torch.stack(passes[0][1]).T.flatten().tolist()
    return length / alone, length * len(everything) / together, tokens


def _tell(name: str, result: Result, expected: Result) -> None:
    alone, together, tokens = result
    same = sum(a == b for a, b in zip(tokens, expected[2], strict=True)) / len(tokens)
    print(f"{name:24} {alone:7.1f} {together:7.1f} {same:7.1%}", flush=True)


if __name__ == "__main__":
    main()
