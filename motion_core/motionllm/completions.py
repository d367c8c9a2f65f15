"""`CompletionClient`: many requests at once to servers of OpenAI's `/v1/completions`.

Notable:
- requests run in an event loop in a thread of its own, so the caller may have one as well; a
  cancelled call closes its connections, and servers stop what they were writing;
- what may pass (no connection, time-out, status 429 or 5xx, half an answer) is asked again, with
  longer and longer pauses; what will not (a wrong key, an unknown model) ends the call at once;
- a server is untrusted: its answers are read up to a limit, and checked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from functools import cache
from ssl import SSLContext
from typing import Any, Literal, TypeVar, cast, get_args
from urllib.parse import urlsplit

import httpx

from ..engine import CancelToken
from ..errors import ConfigurationError, IntegrityError, UnavailableError
from ..json_text import parse_json
from ..words import one_line, without_password, without_secrets

ServerKind = Literal["llamacpp", "vllm", "other"]
_TRIES = 4
_MOST_BYTES = 5_000_000  # of an answer
_LOOK = 0.1  # seconds after which a call looks whether it was cancelled
_CONNECT = 10.0  # seconds
_NO_PROXY: dict[str, httpx.AsyncBaseTransport | None] = {
    f"all://{host}": None for host in ("127.0.0.1", "localhost", "[::1]")
}
_PASSING = {408, 425, 429}
_Result = TypeVar("_Result")


@dataclass(frozen=True)
class ServedModel:
    """A model of a server.

    Attributes:
        url: the server's base URL, which ends with ``/v1``.
        name: what requests call the model.
        kind: the program that serves it.
        vocabulary: its number of tokens, where the server tells.
    """

    url: str
    name: str
    kind: ServerKind
    vocabulary: int | None = None

    def __str__(self) -> str:
        return f"{self.name} at {without_password(self.url)}"


@dataclass(frozen=True)
class Completion:
    """What a model wrote.

    Attributes:
        text: without the prompt.
        ended: it ended by itself, not at the limit of tokens.
    """

    text: str
    ended: bool


Ask = Callable[[ServedModel, Mapping[str, Any]], Awaitable[Completion]]
"""Sends the fields of a request to a model, and again if it fails in passing."""

Job = Callable[[Ask], Awaitable[_Result]]
"""Some requests, one after another, and what comes of them."""


class CompletionClient:
    """Asks servers.

    Args:
        urls: base URLs, such as ``http://127.0.0.1:8080/v1``.
        key: is sent as a bearer token; empty for none.
        at_once: requests at the same time.
        timeout: seconds for an answer.
        pause: seconds before a failed request is sent again; doubled with each failure.

    Raises:
        ConfigurationError: a URL that is none.
    """

    def __init__(
        self,
        urls: Sequence[str],
        *,
        key: str = "",
        at_once: int = 32,
        timeout: float = 120.0,
        pause: float = 0.5,
    ) -> None:
        self.urls = [_checked_url(url) for url in urls]
        self._headers = {"authorization": f"Bearer {key}"} if key else {}
        self._at_once, self._timeout, self._pause = at_once, timeout, pause

    def models(self, cancel: CancelToken | None = None) -> list[list[ServedModel]]:
        """Return the models of each server, as it lists them.

        Raises:
            UnavailableError: a server does not answer.
            ConfigurationError: it refuses.
        """

        async def listed(http: httpx.AsyncClient, url: str) -> list[ServedModel]:
            facts = await self._patiently(lambda: self._send(http, "GET", f"{url}/models"))
            data = facts.get("data")
            entries = [m for m in data if isinstance(m, dict)] if isinstance(data, list) else []
            return [_served_model(url, entry) for entry in entries]

        jobs = [lambda http, url=url: listed(http, url) for url in self.urls]
        return self._run(jobs, None, cancel)

    def run(
        self,
        jobs: Sequence[Job[_Result]],
        *,
        done: Callable[[int], None] | None = None,
        cancel: CancelToken | None = None,
    ) -> list[_Result]:
        """Return what comes of each job; some run at the same time.

        Args:
            jobs: to do.
            done: is called with the number of a job that is done.
            cancel: ends the call and its requests.

        Raises:
            UnavailableError: a server does not answer, even when asked again.
            ConfigurationError: it refuses a request.
            Cancelled: `cancel` was set meanwhile.
        """

        async def ask(
            http: httpx.AsyncClient, model: ServedModel, fields: Mapping[str, Any]
        ) -> Completion:
            body = {"model": model.name, **fields}
            url = f"{model.url}/completions"
            return await self._patiently(
                lambda: self._complete(http, url, body),
            )

        def bound(job: Job[_Result]) -> Callable[[httpx.AsyncClient], Awaitable[_Result]]:
            return lambda http: job(lambda model, fields: ask(http, model, fields))

        return self._run([bound(job) for job in jobs], done, cancel)

    def _run(
        self,
        jobs: Sequence[Callable[[httpx.AsyncClient], Awaitable[_Result]]],
        done: Callable[[int], None] | None,
        cancel: CancelToken | None,
    ) -> list[_Result]:
        stop = CancelToken(parent=cancel)
        context = copy_context()
        with ThreadPoolExecutor(1, thread_name_prefix="motion-server") as thread:
            future = thread.submit(
                context.run, lambda: asyncio.run(self._all(list(jobs), done, stop))
            )
            try:
                return future.result()
            except BaseException:  # Ctrl-C in the thread that waits
                stop.cancel()
                raise

    async def _all(
        self,
        jobs: list[Callable[[httpx.AsyncClient], Awaitable[_Result]]],
        done: Callable[[int], None] | None,
        stop: CancelToken,
    ) -> list[_Result]:
        results: dict[int, _Result] = {}
        waiting = iter(enumerate(jobs))
        timeout = httpx.Timeout(self._timeout, connect=min(_CONNECT, self._timeout), pool=None)
        limits = httpx.Limits(max_connections=self._at_once)
        async with httpx.AsyncClient(
            headers=self._headers,
            timeout=timeout,
            limits=limits,
            mounts=_NO_PROXY,
            verify=_certificates(),
        ) as client:

            async def work() -> None:
                for number, job in waiting:
                    results[number] = await job(client)
                    if done is not None:
                        done(number)

            workers = {asyncio.create_task(work()) for _ in range(min(self._at_once, len(jobs)))}
            running = workers
            try:
                while running:
                    stop.check()
                    over, running = await asyncio.wait(
                        running, timeout=_LOOK, return_when=asyncio.FIRST_COMPLETED
                    )
                    for worker in over:
                        worker.result()
            finally:
                for worker in workers:
                    worker.cancel()
                await asyncio.gather(*workers, return_exceptions=True)
        return [results[number] for number in range(len(jobs))]

    async def _patiently(self, send: Callable[[], Awaitable[_Result]]) -> _Result:
        for attempt in range(1, _TRIES):
            try:
                return await send()
            except UnavailableError:
                await asyncio.sleep(self._pause * 2 ** (attempt - 1))
        return await send()

    async def _complete(
        self, http: httpx.AsyncClient, url: str, body: Mapping[str, Any]
    ) -> Completion:
        facts = await self._send(http, "POST", url, body)
        try:
            choice = facts["choices"][0]
            text, reason = choice["text"], choice.get("finish_reason")
        except (KeyError, IndexError, TypeError, AttributeError) as err:
            raise IntegrityError(f"{_place(url)} answers without a text; is it /v1?") from err
        if not isinstance(text, str):
            raise IntegrityError(f"{_place(url)} answers {str(text)[:40]!r} in place of a text")
        return Completion(text, reason == "stop")

    async def _send(
        self, http: httpx.AsyncClient, method: str, url: str, body: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        try:
            async with http.stream(method, url, json=body) as reply:
                content = b""
                async for part in reply.aiter_bytes():
                    content += part
                    if len(content) > _MOST_BYTES:
                        raise IntegrityError(f"{_place(url)} answers more than {_MOST_BYTES} bytes")
        except httpx.TimeoutException as err:
            raise UnavailableError(
                f"{_place(url)} does not answer within {self._timeout:g} s; it may be too busy"
            ) from err
        except httpx.ConnectError as err:
            raise UnavailableError(f"no server answers at {_place(url)}; start it") from err
        except (httpx.HTTPError, httpx.StreamError) as err:
            raise UnavailableError(
                f"{_place(url)} broke off ({type(err).__name__}: {_said(str(err))})"
            ) from err
        _check_status(reply.status_code, content, url)
        try:
            facts = parse_json(content)
        except ValueError as err:
            raise IntegrityError(f"{_place(url)} answers no JSON: {_said(content)}") from err
        if not isinstance(facts, dict):
            raise IntegrityError(f"{_place(url)} answers no JSON object: {_said(content)}")
        return facts


@cache
def _certificates() -> SSLContext:
    """Return httpx's default certificates, read once: that takes longer than drawing a token."""
    return httpx.create_ssl_context()


def _check_status(status: int, content: bytes, url: str) -> None:
    if status == 200:
        return
    said = f"{status}: {_said(content)}"
    if status >= 500 or status in _PASSING:
        raise UnavailableError(f"{_place(url)} failed ({said})")
    if status in (401, 403):
        raise ConfigurationError(
            f"{_place(url)} refuses the key ({said}); set MOTION_AGENT_SERVER_KEY"
        )
    raise ConfigurationError(f"{_place(url)} refuses ({said})")


def _served_model(url: str, entry: Mapping[str, Any]) -> ServedModel:
    owner = entry.get("owned_by")
    kind = cast(ServerKind, owner) if owner in get_args(ServerKind) else "other"
    meta = entry.get("meta")
    size = meta.get("n_vocab") if isinstance(meta, dict) else None
    return ServedModel(url, str(entry.get("id", "")), kind, size if type(size) is int else None)


def _checked_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number
        good = False
    if not good or parts.query or parts.fragment:
        raise ConfigurationError(
            f"{without_password(url)[:80]!r} is no server; give a URL such as"
            " http://127.0.0.1:8080/v1"
        )
    base = url.rstrip("/")
    return base if parts.path.strip("/") else f"{base}/v1"


def _place(url: str) -> str:
    return without_password(url)


def _said(content: str | bytes) -> str:
    text = content[:2000].decode("utf-8", "replace") if isinstance(content, bytes) else content
    return one_line(without_secrets(text), 200) or "nothing"
