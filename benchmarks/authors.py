"""The paper's procedure and ours on the same weights: a plan of eight steps, from text to motion.

    OMP_NUM_THREADS=2 python benchmarks/authors.py

Theirs, reimplemented from its description: a `peft` model with unmerged adapters, a vocabulary
resized for the motion tokens, `generate` of transformers with two beams, one description after the
other. Our checkpoint only learnt to choose among motion tokens, so theirs may not choose words.
Ours: `MotionLLMEngine.generate` with the shipped sampling, all takes of all steps as one batch and
the best take of each kept; then with one take; then each at float32. All models are loaded
beforehand, and everything is decoded to features.

Lengths differ, so speed is seconds of motion per second. The last line is the ratio of the shipped
procedure to theirs.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch

from motion_agent.motion_core.engine import GenerationRequest
from motion_agent.motion_core.motionllm import MotionLLMEngine, load_motionllm, peft_model
from motion_agent.motion_core.motionllm.backbone import load_backbone
from motion_agent.motion_core.motionllm.prompt import prompt_format
from motion_agent.motion_core.skeleton import FPS

STEPS = (
    "a person walks forward",
    "a person waves with both hands",
    "a happy person dances",
    "an old person walks slowly",
    "a person kicks with the right foot",
    "a person squats",
    "a person turns around",
    "a tired person bows",
)
BEAMS = 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=len(STEPS), help="steps of the plan, 1 to 8")
    parser.add_argument(
        "--rounds", type=int, default=1, help="number of rounds; the fastest counts"
    )
    parser.add_argument("--without-float32", action="store_true", help="skip the slow float32 runs")
    parser.add_argument(
        "--cpu", action="store_true", help="measure processor time, for a busy computer"
    )
    arguments = parser.parse_args()
    clock = time.process_time if arguments.cpu else time.perf_counter
    steps = STEPS[: arguments.steps]
    requests = [GenerationRequest(text, seed=seed) for seed, text in enumerate(steps)]
    print(
        f"{len(steps)} steps, {torch.get_num_threads()} threads, torch {torch.__version__}, "
        f"{'processor' if arguments.cpu else 'elapsed'} seconds"
    )
    print(f"{'':34}  seconds   motion   motion seconds a second")

    def time_it(name: str, make: Callable[[], list[tuple[int, ...]]], engine: Any) -> float:
        best = float("inf")
        for _ in range(arguments.rounds):
            begin = clock()
            frames = sum(len(engine.decode(tokens)) for tokens in make())
            best = min(best, clock() - begin)
        speed = frames / FPS / best
        print(f"{name:34}  {best:7.2f}  {frames / FPS:7.1f}  {speed:7.2f}", flush=True)
        return speed

    def ours(engine: MotionLLMEngine, takes: int) -> Callable[[], list[tuple[int, ...]]]:
        variants = [replace(request, takes=takes) for request in requests]
        return lambda: [take.tokens for take in engine.generate(variants)]

    engine = load_motionllm()
    engine.warm_up()
    engine.generate(requests[:1])  # excludes compilation and allocation at the first call
    takes = engine.sampling.takes
    shipped = time_it(f"ours as shipped, {takes} takes", ours(engine, takes), engine)
    time_it("ours, 1 take", ours(engine, 1), engine)
    if not arguments.without_float32:
        exact = load_motionllm(dtype=torch.float32)
        exact.warm_up()
        time_it(f"ours in float32, {takes} takes", ours(exact, takes), exact)
        time_it("ours in float32, 1 take", ours(exact, 1), exact)
        del exact
    authors = time_it("the authors' way", AuthorsWay(engine).make(steps), engine)
    print(f"ratio {shipped / authors:.1f}")


class AuthorsWay:
    """The authors' procedure; see the module's docstring."""

    def __init__(self, engine: MotionLLMEngine) -> None:
        checkpoint = engine.checkpoint
        config = checkpoint.config
        backbone, tokenizer = load_backbone(config.backbone)
        self._prompt = prompt_format(config.prompt, tokenizer)
        self._words, self._sampling = config.vocabulary, engine.sampling
        self._model = peft_model(checkpoint, "t2m", backbone=backbone)
        lm: Any = self._model.get_base_model()
        lm.config.tie_word_embeddings = False
        lm.lm_head.weight = torch.nn.Parameter(lm.lm_head.weight.detach().clone())
        lm.resize_token_embeddings(self._words + 2 + config.codes, mean_resizing=False)
        rows = checkpoint.rows()
        with torch.no_grad():
            lm.get_input_embeddings().weight[self._words :] = rows["t2m.embed"]
            lm.lm_head.weight[self._words + 1 :] = rows["t2m.head"]
        self._model.requires_grad_(False)

    def make(self, steps: tuple[str, ...]) -> Callable[[], list[tuple[int, ...]]]:
        return lambda: [self._one(step) for step in steps]

    @torch.inference_mode()
    def _one(self, description: str) -> tuple[int, ...]:
        start = self._words
        ids = torch.tensor([[*self._prompt.description(description), start]])
        output = self._model.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            num_beams=BEAMS,
            do_sample=False,
            early_stopping=True,
            min_new_tokens=self._sampling.min_tokens,
            max_new_tokens=self._sampling.max_tokens,
            suppress_tokens=list(range(start + 1)),  # words, and a second <Motion>
            eos_token_id=start + 1,
            pad_token_id=start + 1,
        )[0, ids.shape[1] :]
        return tuple(int(i) - start - 2 for i in output if i >= start + 2)


if __name__ == "__main__":
    main()
