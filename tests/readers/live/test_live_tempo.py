"""Tempo over real sockets: searching by time, every form of its answers, filters, and traces it cannot give."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from live_readings import NOW_S, SOON, Reading, make_id, serve_tempo
from live_servers import LiveServer, TempoServer, replying

from fluo_lab.errors import InputError


@pytest.fixture
def tempo() -> Iterator[TempoServer]:
    with serve_tempo() as server:
        yield server


def test_every_trace_of_a_tempo_is_read_once(tempo: TempoServer, plain_of: Callable[..., Any]) -> None:
    reading = Reading(tempo.url(SOON))
    assert reading.ids == sorted(tempo.starts_s)
    assert reading.problems == {}
    assert reading.report.incomplete == set()
    span = plain_of(reading.batches)[0]
    assert (span["name"], span["span_id"], span["start_ns"]) == ("charge", "0" * 15 + "1", (NOW_S - 59) * 10**9)
    (fetched,) = [asked for asked in tempo.asked if asked.path == f"/api/v2/traces/{make_id(1)}"]
    assert fetched.headers["accept"] == "application/protobuf"


@pytest.mark.parametrize("is_giving_json", [True, False])
@pytest.mark.parametrize("has_v2", [True, False])
@pytest.mark.parametrize("is_packing", [True, False])
def test_every_form_of_tempos_answers_gives_the_same_spans(
    tempo: TempoServer, is_giving_json: bool, has_v2: bool, is_packing: bool, plain_of: Callable[..., Any]
) -> None:
    expected = plain_of(Reading(tempo.url(SOON)).batches)
    tempo.is_giving_json, tempo.has_v2, tempo.is_packing = is_giving_json, has_v2, is_packing
    reading = Reading(tempo.url(SOON))
    assert plain_of(reading.batches) == expected
    assert reading.problems == {}


@pytest.mark.parametrize("is_giving_json", [True, False])
def test_a_trace_that_tempo_calls_partial_counts_as_incomplete(tempo: TempoServer, is_giving_json: bool) -> None:
    tempo.is_giving_json, tempo.partial = is_giving_json, {make_id(7)}
    reading = Reading(tempo.url(SOON))
    assert len(reading.ids) == 40
    assert reading.report.incomplete == {make_id(7)}
    assert reading.problems == {"Tempo gave a part of a trace only; the trace counts as incomplete": 1}


def test_full_searches_are_halved_until_everything_is_found(tempo: TempoServer) -> None:
    reading = Reading(tempo.url(f"{SOON}&limit=4"))
    assert sorted(reading.ids) == sorted(tempo.starts_s)
    assert reading.problems == {}
    fetched = tempo.paths("/api/v2/traces/")
    assert len(fetched) == len(set(fetched)) == 40
    assert {asked.query["limit"] for asked in tempo.asked if asked.path == "/api/search"} == {"4"}


def test_a_second_with_more_traces_than_the_limit_is_named(tempo: TempoServer) -> None:
    tempo.starts_s = {make_id(number): NOW_S - 30 for number in range(1, 10)}
    reading = Reading(tempo.url(f"{SOON}&limit=4"))
    assert len(reading.ids) == 4
    (what,) = reading.problems
    assert what.startswith("a search over 1 s gave as many traces as its limit of 4")


def test_a_long_time_is_searched_in_weeks(tempo: TempoServer) -> None:
    Reading(tempo.url("last=3w"))
    times = [(int(a.query["start"]), int(a.query["end"])) for a in tempo.asked if a.path == "/api/search"]
    week = 7 * 86400
    assert sorted(times) == [(NOW_S - n * week, NOW_S - (n - 1) * week) for n in (3, 2, 1)]


def test_the_order_of_traces_does_not_depend_on_which_answer_comes_first(tempo: TempoServer) -> None:
    is_last_asked = threading.Event()

    def late(server: LiveServer, handler: Any) -> Any:
        is_last_asked.wait()
        return server.answer(handler.asked)

    def last(server: LiveServer, handler: Any) -> Any:
        is_last_asked.set()
        return server.answer(handler.asked)

    tempo.fail(f"/api/v2/traces/{make_id(1)}", late)
    tempo.fail(f"/api/v2/traces/{make_id(8)}", last)
    assert Reading(tempo.url(SOON)).ids == sorted(tempo.starts_s)


def test_filters_go_to_tempo_as_they_are(tempo: TempoServer) -> None:
    Reading(tempo.url(SOON + "&q={ status = error && duration > 1s }&minDuration=5ms&tenant=team-a"))
    asked = tempo.asked[0]
    assert asked.query["q"] == "{ status = error && duration > 1s }"
    assert asked.query["minDuration"] == "5ms"
    assert asked.headers["x-scope-orgid"] == "team-a"


def test_a_service_becomes_traceql(tempo: TempoServer) -> None:
    Reading(tempo.url(SOON + '&service=check"out'))
    assert tempo.asked[0].query["q"] == '{ resource.service.name = "check\\"out" }'


def test_named_traces_are_fetched_without_a_search(tempo: TempoServer) -> None:
    reading = Reading(tempo.url("trace=5&trace=0000000000000003"))
    assert reading.ids == [make_id(5), make_id(3)]
    assert tempo.paths("/api/search") == []


def test_a_trace_that_cannot_be_fetched_is_named_and_the_others_are_read(tempo: TempoServer) -> None:
    tempo.fail(f"/api/v2/traces/{make_id(2)}", *[replying(503, b"overloaded\nsorely")] * 6)
    tempo.fail(f"/api/v2/traces/{make_id(3)}", replying(404))
    tempo.fail(f"/api/traces/{make_id(3)}", replying(404))
    tempo.fail(f"/api/v2/traces/{make_id(4)}", replying(200, b"\x0a\xff", "application/protobuf"))
    tempo.fail(f"/api/v2/traces/{make_id(5)}", replying(200, b"<html>", "text/html"))
    tempo.fail(f"/api/v2/traces/{make_id(6)}", replying(200, b'{"trace":', "application/json"))
    reading = Reading(tempo.url(SOON))
    assert len(reading.ids) == 35
    assert reading.problems == {
        "a trace was not read: status 503, overloaded": 1,
        "a trace was not read: there is no such trace (any more)": 1,
        "a trace was not read: its body is no OTLP protobuf": 1,
        "a trace was not read: a page in HTML came instead": 1,
        "a trace was not read: its body is no JSON object": 1,
    }
    assert reading.report.incomplete == {make_id(number) for number in (2, 3, 4, 5, 6)}


def test_where_no_trace_can_be_fetched_that_is_an_error(tempo: TempoServer) -> None:
    with pytest.raises(InputError, match="none of 2 traces could be read: there is no such trace"):
        Reading(tempo.url("trace=77&trace=78"))


def test_a_search_that_finds_nothing_says_so(tempo: TempoServer) -> None:
    tempo.starts_s = {}
    reading = Reading(tempo.url(SOON))
    assert (reading.batches, reading.problems) == ([], {"the search found no traces": 1})
