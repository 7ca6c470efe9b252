"""Searching a live store by time: neither Tempo nor Jaeger has a cursor, so full windows are halved and asked again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from fluo_lab.errors import InputError
from fluo_lab.readers.live.calls import OrderedCalls
from fluo_lab.readers.live.http import N_CONNECTIONS, Answer, HttpClient, HttpFault
from fluo_lab.readers.live.target import LiveTarget
from fluo_lab.readers.report import Report

__all__ = ["Page", "Window", "check_answer", "parse_object", "search_windows", "split_evenly"]


@dataclass(frozen=True, slots=True)
class Window:
    """A span of time to search, in the units the store takes.

    Attributes
    ----------
    service
        Which service's traces, None for all.
    start, end
        First and last tick, both within.
    """

    service: str | None
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Page:
    """The answer to the search of a window, of status 200."""

    window: Window
    answer: Answer


def split_evenly(service: str | None, start: int, end: int, longest: int) -> list[Window]:
    """Return windows that cover a time, none longer than some ticks.

    Neighbours share a tick, so that nothing falls between them.
    """
    starts = range(start, end, longest)
    return [Window(service, at, min(at + longest, end)) for at in starts]


def search_windows(
    target: LiveTarget,
    client: HttpClient,
    report: Report,
    windows: Sequence[Window],
    ask: Callable[[Window], Answer],
    count: Callable[[Page], int],
    *,
    shortest: int,
    tick: str,
) -> Iterator[Page]:
    """Yield an answer for each window, and for the halves of each that was full, in an order that does not vary.

    Parameters
    ----------
    target, client
        Whom to ask.
    report
        Where windows go that could not be searched or that are full and cannot be halved any more.
    windows
        Where to begin.
    ask
        Puts the question, in a thread of its own.
    count
        Returns how many traces an answer holds; called once for each page, before it is yielded. Raises ``InputError``
        where it is no answer to a search.
    shortest
        Windows of this many ticks are not halved.
    tick
        What that is, for the report.

    Raises
    ------
    InputError
        The first window could not be searched.
    """

    def search(window: Window) -> Answer | HttpFault:
        try:
            return ask(window)
        except HttpFault as fault:
            return fault

    calls: OrderedCalls[Window, Answer | HttpFault] = OrderedCalls(search, windows, n_threads=N_CONNECTIONS)
    is_any_read = False
    for window, answer in calls:
        try:
            if isinstance(answer, HttpFault):
                raise InputError(f"{target.name}: {answer}")
            check_answer(target, client, answer)
            page = Page(window, answer)
            n_found = count(page)
        except InputError as error:
            if not is_any_read:
                raise
            fault = str(error).removeprefix(f"{target.name}: ")
            report.add("a part of the time asked for could not be searched; traces in it are missing", sample=fault)
            continue
        is_any_read = True
        yield page
        if n_found >= target.limit:
            calls.add_next(_halve(window, shortest, target.limit, tick, report))


def _halve(window: Window, shortest: int, limit: int, tick: str, report: Report) -> list[Window]:
    """Return the halves of a window that was full, or none with a word in the report."""
    if window.end - window.start <= shortest:
        report.add(
            f"a search over {tick} gave as many traces as its limit of {limit}; others of that time may be missing: "
            "ask for more at once with limit="
        )
        return []
    middle = (window.start + window.end) // 2
    return [Window(window.service, start, end) for start, end in ((window.start, middle), (middle, window.end))]


def parse_object(body: bytes) -> dict[str, Any] | None:
    """Return a parsed JSON object, None where the bytes are none."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return document if type(document) is dict else None


def check_answer(target: LiveTarget, client: HttpClient, answer: Answer) -> None:
    """Do nothing about an answer of status 200 that is data.

    Raises
    ------
    InputError
        It is another, with the status, the first line of what came, and what to do about it.
    """
    if answer.status == 200 and not answer.is_page:
        return
    if answer.status == 200:
        raise InputError(
            f"{target.name}: {target.base_url} answers with a page in HTML, not with data: that is no address of "
            f"{target.system.label}'s HTTP API (a user interface, a login or a proxy may be in its place)"
        )
    told = client.conceal(answer.first_line())
    credentials = f"; give user:password@ in the address or a token in {target.system.token_variable}"
    hints = {401: credentials, 403: credentials, 404: f"; is {target.base_url} {target.system.label}'s HTTP API?"}
    raise InputError(
        f"{target.name}: the search was refused with status {answer.status}: {told}{hints.get(answer.status, '')}"
    )
