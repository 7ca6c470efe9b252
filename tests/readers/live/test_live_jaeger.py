"""Jaeger over real sockets: searching by service and time, its old and its new routes, and its filters."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from live_readings import NOW_S, SOON, Reading, make_id, serve_jaeger
from live_servers import JaegerServer

from fluo_lab.errors import InputError


@pytest.fixture
def jaeger() -> Iterator[JaegerServer]:
    with serve_jaeger() as server:
        yield server


def test_every_trace_of_every_service_of_a_jaeger_is_read_once(jaeger: JaegerServer, plain_of: Any) -> None:
    jaeger.traces[make_id(3)] = (("payment", "checkout", "cart"), (NOW_S - 50) * 10**6)
    reading = Reading(jaeger.url(SOON))
    assert sorted(reading.ids) == sorted(jaeger.traces)
    assert reading.problems == {}
    assert plain_of(reading.batches)[2]["resource"] == {"service.name": ("TEXT", "'payment'")}
    services = [asked.query["service"] for asked in jaeger.asked if asked.path == "/api/traces"]
    assert sorted(services) == ["cart", "checkout", "payment"]


@pytest.mark.parametrize("is_v3", [False, True])
def test_full_searches_of_jaeger_are_halved_too(jaeger: JaegerServer, is_v3: bool) -> None:
    jaeger.is_v3 = is_v3
    reading = Reading(jaeger.url(f"{SOON}&limit=3"))
    assert sorted(reading.ids) == sorted(jaeger.traces)
    assert reading.problems == {}


@pytest.mark.parametrize("is_v3", [False, True])
def test_a_millisecond_with_more_traces_than_the_limit_is_named(jaeger: JaegerServer, is_v3: bool) -> None:
    jaeger.is_v3 = is_v3
    jaeger.traces = {make_id(number): (("checkout",), (NOW_S - 30) * 10**6) for number in range(1, 10)}
    reading = Reading(jaeger.url(f"{SOON}&service=checkout&limit=4"))
    assert len(reading.ids) == 4
    (what,) = reading.problems
    assert what.startswith("a search over 1 ms gave as many traces as its limit of 4")


@pytest.mark.parametrize("query", [SOON, f"{SOON}&service=checkout"])
@pytest.mark.parametrize("is_page", [False, True])
def test_a_jaeger_without_the_old_routes_gives_the_same_spans(
    jaeger: JaegerServer, query: str, is_page: bool, plain_of: Any
) -> None:
    expected = plain_of(Reading(jaeger.url(query)).batches)
    jaeger.is_v3, jaeger.is_page_for_unknown = True, is_page
    reading = Reading(jaeger.url(query))
    assert plain_of(reading.batches) == expected
    assert reading.problems == {}


def test_a_newer_jaeger_that_finds_nothing_says_so(jaeger: JaegerServer) -> None:
    jaeger.is_v3 = True
    reading = Reading(jaeger.url("last=5s&service=checkout"))
    assert (reading.batches, reading.problems) == ([], {"the search found no traces": 1})


def test_a_jaeger_without_services_has_nothing_to_search(jaeger: JaegerServer) -> None:
    jaeger.traces = {}
    reading = Reading(jaeger.url(SOON))
    assert (reading.batches, reading.problems) == ([], {"Jaeger knows no services; nothing to search": 1})


@pytest.mark.parametrize("tags", ['error=true http.method="GET it"', '{"error":"true","http.method":"GET it"}'])
def test_filters_go_to_jaeger_in_its_own_form(jaeger: JaegerServer, tags: str) -> None:
    Reading(jaeger.url(f"{SOON}&service=checkout&operation=GET /&maxDuration=2s&tags={tags}"))
    query = jaeger.asked[0].query
    assert (query["operation"], query["maxDuration"]) == ("GET /", "2s")
    assert query["tags"] == '{"error":"true","http.method":"GET it"}'
    assert (query["start"], query["end"]) == (str((NOW_S - 64) * 10**6), str(NOW_S * 10**6))


def test_named_traces_of_jaeger_are_fetched_and_missing_ones_named(jaeger: JaegerServer) -> None:
    reading = Reading(jaeger.url("trace=5&trace=99"))
    assert reading.ids == [make_id(5)]
    assert reading.problems == {"a trace was not read: there is no such trace (any more)": 1}
    assert reading.report.incomplete == {make_id(0x99)}
    with pytest.raises(InputError, match="none of 1 traces could be read"):
        Reading(jaeger.url("trace=99"))


def test_tags_of_no_form_are_refused(jaeger: JaegerServer) -> None:
    with pytest.raises(InputError, match="tags='error', expected key=value"):
        Reading(jaeger.url(f"{SOON}&service=checkout&tags=error"))
