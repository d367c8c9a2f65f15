"""Does a server of llama.cpp choose the tokens that the engine in this process chooses?

    python benchmarks/served.py --descriptions 4
    vllm serve t2m/ --port 8000 &
    python benchmarks/served.py --url http://127.0.0.1:8000/v1

The shipped t2m is exported at 16 and at 8 bits and served on loopback. Motions are drawn in this
process (float32, seeded); after each of their prefixes both are asked for the most probable token.
Shown are the share of prefixes where they agree, the same of this process's own 8-bit weights
(where PyTorch multiplies 8-bit numbers), how many answers hold words when the server is told
nothing about which tokens it may use, and the motion tokens a second of one stream, prompts
included, with the threads of OMP_NUM_THREADS on either side. The engine `llama.cpp` and this
process's own 8 bits also draw all descriptions as one batch.
"""

from __future__ import annotations

import argparse
import re
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from authors import STEPS
from llama_server import serving

from motion_agent.motion_core.engine import GenerationRequest
from motion_agent.motion_core.motionllm.checkpoint import Checkpoint, load_checkpoint
from motion_agent.motion_core.motionllm.completions import Ask, CompletionClient, ServedModel
from motion_agent.motion_core.motionllm.decoding import MotionPrompt, decode_motions
from motion_agent.motion_core.motionllm.inference import InferenceModel, load_inference
from motion_agent.motion_core.motionllm.llama_cpp import load_llama_cpp
from motion_agent.motion_core.motionllm.prompt import (
    SECONDS_PER_TOKEN,
    PromptFormat,
    prompt_format,
)
from motion_agent.motion_core.motionllm.sampling import Sampling
from motion_agent.motion_core.motionllm.serving import ServedFormat, export_checkpoint

FORMS: tuple[ServedFormat, ...] = ("gguf", "gguf-q8")
TOKEN = re.compile(r"<Motion_(\d+)>")
END = -1
Draw = Callable[[Sequence[str]], list[tuple[int, ...]]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--descriptions", type=int, default=4, help="1 to 8")
    parser.add_argument("--tokens", type=int, default=25, help="of each motion")
    parser.add_argument("--checkpoint", type=Path, help="the shipped one, if none is given")
    parser.add_argument(
        "--url", help="of a running server that serves the exported t2m, such as vLLM"
    )
    parser.add_argument("--only-speed", action="store_true", help="skip the comparison of tokens")
    arguments = parser.parse_args()
    checkpoint = load_checkpoint(arguments.checkpoint)
    texts, count = STEPS[: arguments.descriptions], arguments.tokens
    print(f"{checkpoint.config.name} {checkpoint.version}, {len(texts)} motions of {count} tokens")
    if arguments.url:
        _compare_server(checkpoint, texts, count, arguments.url)
        return
    if not arguments.only_speed:
        _compare(checkpoint, texts, count)
    try:
        own, prompt = load_decoder(checkpoint, torch.int8)
        print("8 bits in this process")
        _tell_speed(partial(draw, own, prompt, count=count), texts)
    except RuntimeError as err:
        print(f"8 bits in this process: not here ({str(err).splitlines()[0]})")
    print("engine llama.cpp, gguf-q8")
    _tell_speed(_drawing_engine(arguments.checkpoint, count), texts)


def _compare(checkpoint: Checkpoint, texts: Sequence[str], count: int) -> None:
    model, prompt = load_decoder(checkpoint, torch.float32)
    motions = draw(model, prompt, texts, count)
    expected = _most_probable(model, prompt, texts, motions)
    del model
    try:
        own, _ = load_decoder(checkpoint, torch.int8)
        _tell("8 bits in this process", _most_probable(own, prompt, texts, motions), expected)
        del own
    except RuntimeError as err:
        print(f"8 bits in this process: not here ({str(err).splitlines()[0]})")
    for form in FORMS:
        with tempfile.TemporaryDirectory() as folder:
            file = export_checkpoint(checkpoint, "t2m", form, Path(folder))[0]
            size = file.stat().st_size / 1e6
            with serving(file, window=512, threads=torch.get_num_threads()) as url:
                client = CompletionClient([url], at_once=1)
                answers = _ask(client, checkpoint, prompt, texts, motions)
        _tell_answers(f"llama.cpp, {form}, {size:.0f} MB", answers, expected)


def _compare_server(checkpoint: Checkpoint, texts: Sequence[str], count: int, url: str) -> None:
    model, prompt = load_decoder(checkpoint, torch.float32)
    motions = draw(model, prompt, texts, count)
    expected = _most_probable(model, prompt, texts, motions)
    client = CompletionClient([url], at_once=1)
    _tell_answers(url, _ask(client, checkpoint, prompt, texts, motions), expected)


def _tell_answers(
    name: str, answers: tuple[list[int], list[str], float], expected: Sequence[int]
) -> None:
    found, free, seconds = answers
    _tell(name, found, expected)
    words = sum(bool(TOKEN.sub("", text).strip()) for text in free)
    print(f"  told nothing: {words} of {len(free)} answers hold words")
    drawn = sum(len(TOKEN.findall(text)) for text in free)
    print(f"  one stream: {drawn / seconds:.0f} tokens a second", flush=True)


def load_decoder(checkpoint: Checkpoint, dtype: torch.dtype) -> tuple[InferenceModel, PromptFormat]:
    """Return our own decoder of the checkpoint and its prompts."""
    found = load_inference(checkpoint, checkpoint.config.backbone, dtype=dtype, device="cpu")
    assert found is not None
    return found[0], prompt_format(checkpoint.config.prompt, found[1])


def _drawing_engine(checkpoint: Path | None, count: int) -> Draw:
    engine = load_llama_cpp(checkpoint)
    engine.warm_up()

    def generate(texts: Sequence[str]) -> list[tuple[int, ...]]:
        seconds = count * SECONDS_PER_TOKEN
        requests = [GenerationRequest(t, seconds=seconds, seed=n) for n, t in enumerate(texts)]
        return [tuple(take.tokens) for take in engine.generate(requests)]

    return generate


def _tell_speed(generate: Draw, texts: Sequence[str]) -> None:
    for name, batches in {"one stream": [[text] for text in texts], "one batch": [texts]}.items():
        begin = time.perf_counter()
        drawn = sum(len(motion) for batch in batches for motion in generate(batch))
        print(f"  {name}: {drawn / (time.perf_counter() - begin):.0f} tokens a second", flush=True)


def prompt_ids(model: InferenceModel, prompt: PromptFormat, text: str) -> list[int]:
    """Return the ids of a description's prompt, ending with <Motion>."""
    return [*prompt.description(text), model.motion_start]


def draw(
    model: InferenceModel, prompt: PromptFormat, texts: Sequence[str], count: int
) -> list[tuple[int, ...]]:
    """Return a motion of `count` tokens for each description, drawn with its number as seed."""
    rows = [
        MotionPrompt(prompt_ids(model, prompt, t), n, count, count) for n, t in enumerate(texts)
    ]
    return decode_motions(model, rows, Sampling(takes=1, max_tokens=max(count, 4)))


@torch.inference_mode()
def _most_probable(
    model: InferenceModel,
    prompt: PromptFormat,
    texts: Sequence[str],
    motions: Sequence[tuple[int, ...]],
) -> list[int]:
    """After each prefix of each motion: a motion token, or `END`."""
    found: list[int] = []
    for text, motion in zip(texts, motions, strict=True):
        ids = prompt_ids(model, prompt, text)
        whole = torch.tensor([[*ids, *model.token_ids(motion[:-1])]])
        logits = model.motion_logits(model.states(whole, "t2m")[0, len(ids) - 1 :])
        found += (logits.argmax(-1) - 1).tolist()  # </Motion> has the logit 0
    return found


def _ask(
    client: CompletionClient,
    checkpoint: Checkpoint,
    prompt: PromptFormat,
    texts: Sequence[str],
    motions: Sequence[tuple[int, ...]],
) -> tuple[list[int], list[str], float]:
    """The server's most probable tokens, texts that it draws when it may say anything, and how
    many seconds these took.
    """
    [[model]] = client.models()
    first = checkpoint.config.vocabulary + 1
    motion = range(first, first + 1 + checkpoint.config.codes)  # </Motion>, then the codes
    visible: dict[str, Any]
    allowed: dict[str, Any]
    if model.kind == "vllm":
        visible = {"skip_special_tokens": False, "spaces_between_special_tokens": False}
        allowed = {"allowed_token_ids": list(motion)}
    else:
        visible = {"preserved_tokens": [f"<Motion_{n}>" for n in range(checkpoint.config.codes)]}
        allowed = {"logit_bias": [[token, 100] for token in motion]}

    async def next_token(ask: Ask, *, text: str, before: Sequence[int], model: ServedModel) -> int:
        written = "".join(f"<Motion_{token}>" for token in before)
        fields = {"prompt": f"{prompt.describe(text)}<Motion>{written}", "max_tokens": 1}
        answer = await ask(model, {**fields, "temperature": 0, **allowed, **visible})
        match = TOKEN.fullmatch(answer.text)
        return int(match[1]) if match else END

    async def anything(ask: Ask, *, text: str, seed: int, model: ServedModel) -> str:
        fields = {"prompt": f"{prompt.describe(text)}<Motion>", "max_tokens": 25, "seed": seed}
        drawing = {"temperature": 1, "top_k": 0, "top_p": 1, "min_p": 0}
        return (await ask(model, {**fields, **drawing, **visible})).text

    jobs = [
        partial(next_token, text=text, before=motion[:place], model=model)
        for text, motion in zip(texts, motions, strict=True)
        for place in range(len(motion))
    ]
    free = [partial(anything, text=text, seed=n, model=model) for n, text in enumerate(texts * 2)]
    found, begin = client.run(jobs), time.perf_counter()
    return found, client.run(free), time.perf_counter() - begin


def _tell(name: str, found: Sequence[int], expected: Sequence[int]) -> None:
    same = sum(a == b for a, b in zip(found, expected, strict=True))
    print(
        f"{name}: {same} of {len(expected)} tokens agree ({same / len(expected):.1%})", flush=True
    )


if __name__ == "__main__":
    main()
