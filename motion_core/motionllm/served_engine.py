"""`ServedEngine`: MotionLLM on a server of OpenAI's protocol: llama.cpp, vLLM, Ollama.

    motion-agent checkpoint export t2m/ --to gguf          # or hf, for vLLM
    motion-agent run "…" --engine openai-compatible:http://127.0.0.1:8080/v1

The server has the language model; the motion tokenizer, coverage and prompts are the local
checkpoint's. Each description is a request of its own, and the server's batch is made by the
server.

    forbidden by      words                    </Motion> before its time
    vLLM              allowed_token_ids        the same
    llama.cpp         logit_bias               the same
    others            the exported weights     nothing: drawn again where it comes too early

Drawing again what may not be drawn gives what forbidding it does: the same distribution. Only
vLLM and llama.cpp can apply the checkpoint's `end_penalty`; from others, motions end earlier. None
can consult its neighbours.
"""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from ..engine import CancelToken, GenerationRequest, Progress, Take, checked_progress
from ..errors import ConfigurationError, GenerationError
from ..stages import stage
from .checkpoint import Checkpoint, load_checkpoint
from .checkpoint_engine import CheckpointEngine, join_captions, one_caption, stated_seconds
from .completions import Ask, CompletionClient, ServedModel
from .decoding import CAPTION_TOKENS
from .model import DIRECTIONS, Direction
from .prompt import SECONDS_PER_TOKEN, prompt_wording

KEY = "MOTION_AGENT_SERVER_KEY"
_IN_VAIN = 8  # answers in a row without a motion token
_BIAS = 100  # more than any difference of logits; the largest of OpenAI's protocol
_SEEDS = 2_147_483_647  # a prime; servers read 31 bits
_NEXT_SEED = 1_000_003  # between the requests for one motion
_MOTION = re.compile(r"\s*<Motion_(\d{1,5})>")


class ServedEngine(CheckpointEngine):
    """Text to motion tokens and back, by the models of servers; see `MotionEngine`.

    One take of a description is drawn, without neighbours or guidance. A warning says so if the
    checkpoint asks for guidance or several takes, for which motions fit their descriptions less.

    Args:
        checkpoint: that the served models were exported from.
        client: asks the servers. The first serves t2m; m2t is another model of it, with ``m2t`` in
            its name, or the second server's.
    """

    def __init__(self, checkpoint: Checkpoint, client: CompletionClient) -> None:
        super().__init__(checkpoint)
        sampling = self.sampling
        if sampling.beams > 1:
            raise ConfigurationError(
                f"{checkpoint.folder} decodes with beam search, which no server does alike"
            )
        if sampling.guidance != 1 or sampling.takes != 1:
            warnings.warn(
                f"the checkpoint {checkpoint.config.name} asks for guidance {sampling.guidance:g}"
                f" and {sampling.takes} takes of each description; a server draws one without"
                " guidance, so motions will fit their descriptions less",
                stacklevel=3,
            )
        self._client = client
        self._wording = prompt_wording(checkpoint.config.prompt)
        self._models: dict[Direction, ServedModel] = {}

    @property
    def name(self) -> str:
        return f"served {super().name}"

    def generate(
        self,
        requests: Sequence[GenerationRequest],
        *,
        progress: Progress | None = None,
        cancel: CancelToken | None = None,
    ) -> list[Take]:
        """Return a take for each request; none is empty.

        Args:
            requests: what to make; a number of takes is not heeded.
            progress: is told the motion tokens that there can be at most, of those done and of all.
            cancel: ends the call and what the server does for it.

        Raises:
            InputError: an empty or too long description, or a duration that cannot be made.
            GenerationError: the model says words.
            UnavailableError: no server answers.
            ConfigurationError: it refuses, or serves another model.
            Cancelled: `cancel` was set meanwhile.
        """
        rows = [
            _Row(
                self._wording.describe(
                    _without_tokens(line), stated_seconds(request, self._wording)
                ),
                int(request.seed),
                least,
                most,
                request.greedy,
                request.cancel,
            )
            for request, (line, least, most) in zip(requests, self._checked(requests), strict=True)
        ]
        return [Take(tokens) for tokens in self._motions(rows, progress, cancel)]

    def caption(
        self,
        takes: Sequence[Take],
        *,
        progress: Progress | None = None,
        cancel: CancelToken | None = None,
    ) -> list[str]:
        """Return a sentence for each motion; see `MotionLLMEngine.caption`.

        Raises:
            InputError: no tokens, or one that is not in the codebook.
            GenerationError: the model wrote nothing.
            UnavailableError, ConfigurationError: as of `generate`, or m2t is not served.
            Cancelled: `cancel` was set meanwhile.
        """
        step = checked_progress(progress, cancel)
        windows = [self._caption_windows(take) for take in takes]
        flat = [window for group in windows for window in group]
        if not flat:
            return []
        model, done = self._model("m2t", cancel), iter(range(1, len(flat) + 1))
        sentences = iter(
            self._client.run(
                [partial(self._caption, model=model, tokens=window) for window in flat],
                done=lambda _: None if step is None else step(next(done), len(flat)),
                cancel=cancel,
            )
        )
        return [join_captions([next(sentences) for _ in group]) for group in windows]

    def warm_up(self) -> None:
        """Find the served t2m, so that a wrong address shows at once."""
        self._model("t2m", None)

    def _motions(
        self, rows: Sequence[_Row], progress: Progress | None, cancel: CancelToken | None
    ) -> list[tuple[int, ...]]:
        if not rows:
            return []
        model, step = self._model("t2m", cancel), checked_progress(progress, cancel)
        made, total = 0, sum(row.most for row in rows)

        def done(number: int) -> None:
            nonlocal made
            made += rows[number].most
            if step is not None:
                step(made, total)

        jobs = [partial(self._motion, model=model, row=row) for row in rows]
        with stage("drawing motion tokens"):
            return self._client.run(jobs, done=done, cancel=cancel)

    async def _motion(self, ask: Ask, *, model: ServedModel, row: _Row) -> tuple[int, ...]:
        """Up to `least` tokens without an end, then up to `most`."""
        tokens: list[int] = []
        seed, in_vain = row.seed, 0
        while len(tokens) < row.most:
            if row.cancel is not None and row.cancel.cancelled:
                return tuple(tokens) or (0,)
            early = len(tokens) < row.least
            room = (row.least if early else row.most) - len(tokens)
            answer = await ask(
                model,
                {
                    "prompt": f"{row.prompt}<Motion>{_written(tokens)}",
                    "max_tokens": room,
                    "seed": seed % _SEEDS,
                    **self._drawing(row.greedy),
                    **self._constraint(model, end=not early),
                },
            )
            found, rest = self._read(answer.text)
            tokens += found[:room]
            finished = rest.startswith("</Motion>") or (not rest and answer.ended)
            if finished and not early:
                break
            in_vain = 0 if found else in_vain + 1
            if in_vain == _IN_VAIN:
                raise GenerationError(_useless(model, answer.text))
            seed += _NEXT_SEED
        return tuple(tokens)

    async def _caption(self, ask: Ask, *, model: ServedModel, tokens: Sequence[int]) -> str:
        before, after = self._wording.beside_motion()
        prompt = f"{before}<Motion>{_written(tokens)}</Motion>{after}"
        fields = {"prompt": prompt, "max_tokens": CAPTION_TOKENS, "temperature": 0, "stop": ["\n"]}
        return one_caption((await ask(model, fields)).text)

    def _drawing(self, greedy: bool) -> dict[str, Any]:
        sampling = self.sampling
        if greedy:
            return {"temperature": 0}
        fields = {"temperature": sampling.temperature, "top_p": sampling.top_p}
        return fields | ({"top_k": sampling.top_k} if sampling.top_k else {})

    def _constraint(self, model: ServedModel, *, end: bool) -> dict[str, Any]:
        """Fields with which a server writes motion tokens alone, and </Motion> if it may `end`."""
        config, penalty = self.checkpoint.config, self.sampling.end_penalty_alone
        first = config.vocabulary + 2
        ending = first - 1
        allowed = [*([ending] if end else []), *range(first, first + config.codes)]
        if model.kind == "vllm":
            return {
                "allowed_token_ids": allowed,
                **({"logit_bias": {str(ending): -penalty}} if end and penalty else {}),
                "ignore_eos": not end,
                "skip_special_tokens": False,
                "spaces_between_special_tokens": False,
            }
        if model.kind == "llamacpp":
            return {
                "logit_bias": [
                    [token, _BIAS - penalty if token == ending else _BIAS] for token in allowed
                ],
                "ignore_eos": not end,
                "preserved_tokens": [f"<Motion_{code}>" for code in range(config.codes)],
                "samplers": ["temperature", "top_k", "top_p"],  # in our order
                "top_k": self.sampling.top_k,
            }
        return {"stop": ["</Motion>"]}

    def _read(self, text: str) -> tuple[list[int], str]:
        """The motion tokens at the beginning of a text, and what follows them."""
        tokens, end = [], 0
        while match := _MOTION.match(text, end):
            if int(match[1]) >= self.checkpoint.config.codes:
                break
            tokens.append(int(match[1]))
            end = match.end()
        return tokens, text[end:].strip()

    def _model(self, direction: Direction, cancel: CancelToken | None) -> ServedModel:
        if direction not in self._models:
            self._models |= self._find(direction, cancel)
        if direction not in self._models:
            raise ConfigurationError(
                f"no server has a model for {direction}; serve the one of `motion-agent checkpoint"
                f" export --direction {direction}`, with {direction} in its name"
            )
        return self._models[direction]

    def _find(
        self, direction: Direction, cancel: CancelToken | None
    ) -> dict[Direction, ServedModel]:
        """Return the models that the servers offer; `direction` is missing if none has it."""
        found = _choose(self._client.models(cancel))
        for model in found.values():
            self._check_vocabulary(model)
        return found

    def _check_vocabulary(self, model: ServedModel) -> None:
        own = self.checkpoint.config.vocabulary + 2 + self.checkpoint.config.codes
        if model.vocabulary not in (None, own):
            raise ConfigurationError(
                f"{model} has {model.vocabulary} tokens, an export of {self.checkpoint.folder} has"
                f" {own}; serve the model of `motion-agent checkpoint export`"
            )


class ServedInfillingEngine(ServedEngine):
    """The engine of a checkpoint whose t2m adapter can also fill gaps; see `FillEngine`."""

    def fill(
        self,
        before: Sequence[int],
        after: Sequence[int],
        length: int,
        *,
        seed: int = 0,
        progress: Progress | None = None,
        cancel: CancelToken | None = None,
    ) -> tuple[int, ...]:
        """Return `length` tokens that lead from the tokens `before` to the tokens `after`.

        Raises:
            InputError: both sides are empty, a token that is not in the codebook, or a length
                that cannot be filled.
            GenerationError, UnavailableError, ConfigurationError, Cancelled: as of `generate`.
        """
        near, far = self._gap(before, after, length)
        first, middle, last = self._wording.beside_gap(length * SECONDS_PER_TOKEN)
        sides = [f"<Motion>{_written(side)}</Motion>" for side in (near, far)]
        row = _Row(f"{first}{sides[0]}{middle}{sides[1]}{last}", seed, length, length)
        return self._motions([row], progress, cancel)[0]


@dataclass(frozen=True)
class _Row:
    """A motion to draw: the prompt up to <Motion>, as of `MotionPrompt`."""

    prompt: str
    seed: int
    least: int
    most: int
    greedy: bool = False
    cancel: CancelToken | None = None


def load_served_engine(urls: str = "") -> ServedEngine:
    """Return the engine of ``openai-compatible:URL``; two URLs have a comma between them.

    The checkpoint is that of $MOTION_AGENT_CHECKPOINT, else the one that is shipped. Servers that
    want a key get $MOTION_AGENT_SERVER_KEY.

    Raises:
        ConfigurationError: no URL, or one that is none.
        UnavailableError, IntegrityError: the checkpoint cannot be read.
    """
    given = [url.strip() for url in urls.split(",") if url.strip()]
    if not 1 <= len(given) <= 2:
        raise ConfigurationError(
            "give the server, such as openai-compatible:http://127.0.0.1:8080/v1; a second URL"
            " after a comma serves m2t"
        )
    client = CompletionClient(given, key=os.environ.get(KEY, ""))
    checkpoint = load_checkpoint()
    kind = ServedInfillingEngine if checkpoint.config.fills else ServedEngine
    return kind(checkpoint, client)


def _choose(servers: Sequence[Sequence[ServedModel]]) -> dict[Direction, ServedModel]:
    """The model of each direction: by name, else the only one of the server in its place."""
    chosen: dict[Direction, ServedModel] = {}
    for direction, server in zip(DIRECTIONS, servers, strict=False):
        if len(server) == 1 and not any(_is_called(server[0], other) for other in DIRECTIONS):
            chosen[direction] = server[0]
    for direction in DIRECTIONS:
        named = [model for server in servers for model in server if _is_called(model, direction)]
        if named:
            chosen[direction] = named[0]
    return chosen


def _is_called(model: ServedModel, direction: Direction) -> bool:
    return direction in model.name.lower().rsplit("/", 1)[-1]


def _written(tokens: Sequence[int]) -> str:
    return "".join(f"<Motion_{token}>" for token in tokens)


def _without_tokens(description: str) -> str:
    """A description in which nothing can be read as a special token."""
    return description.replace("<", "< ")


def _useless(model: ServedModel, text: str) -> str:
    said = f"{text[:60]!r}" if text.strip() else "an end or nothing that can be read"
    return (
        f"{model} answers {said} in place of motion tokens, {_IN_VAIN} times in a row; serve the"
        " t2m of `motion-agent checkpoint export`, with its special tokens in the text"
    )
