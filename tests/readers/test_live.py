"""Tempo and Jaeger over real sockets: searching by time, fetching, retrying, giving up, and keeping secrets."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from email.utils import formatdate
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from readers.live_servers import (
    JaegerServer,
    LiveServer,
    TempoServer,
    cutting_gzip,
    hanging,
    replying,
    resetting,
    truncating,
)

from fluo_lab.errors import InputError
from fluo_lab.readers.live import is_live, parse_target, read_live
from fluo_lab.readers.live_calls import OrderedCalls
from fluo_lab.readers.live_target import LiveSystem
from fluo_lab.readers.report import Report

NOW_S = 1_700_000_000
SOON = f"start={NOW_S - 64}&end={NOW_S}"


def make_id(number: int) -> str:
    return f"{number:032x}"


class Reading:
    """What one reading gave: ids in order, problems with counts, and the pauses between tries."""

    def __init__(self, url: str, **options: Any) -> None:
        self.pauses: list[float] = []
        target = parse_target(url)
        self.report = Report(target.name)
        options = {"environment": {}, "pause": self.pauses.append, "now_ns": lambda: NOW_S * 10**9, **options}
        self.batches = list(read_live(target, self.report, **options))
        self.ids = [trace_id for batch in self.batches for trace_id in batch.spans["trace_id"]]
        self.problems = {problem.what: problem.n for problem in self.report.problems()}


@pytest.fixture
def tempo() -> Iterator[TempoServer]:
    with TempoServer({make_id(number): NOW_S - 60 + number for number in range(1, 41)}) as server:
        yield server


@pytest.fixture
def jaeger() -> Iterator[JaegerServer]:
    starts = {make_id(number): (("checkout",), (NOW_S - 60 + number) * 10**6) for number in range(1, 41)}
    with JaegerServer(starts) as server:
        yield server


# Tempo


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


# Jaeger


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


# The network


@pytest.mark.parametrize("fault", [resetting, truncating, cutting_gzip])
def test_what_breaks_on_the_way_is_asked_for_again(tempo: TempoServer, fault: Any) -> None:
    tempo.fail("/api/search", fault)
    tempo.fail(f"/api/v2/traces/{make_id(9)}", fault, fault)
    reading = Reading(tempo.url(SOON))
    assert reading.ids == sorted(tempo.starts_s)
    assert reading.problems == {}
    assert len(tempo.paths(f"/api/v2/traces/{make_id(9)}")) == 3
    assert reading.pauses == [1.0]


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_busy_store_is_asked_again_after_growing_pauses(tempo: TempoServer, status: int) -> None:
    tempo.fail("/api/search", *[replying(status)] * 5)
    reading = Reading(tempo.url(SOON))
    assert len(reading.ids) == 40
    assert reading.pauses == [1.0, 2.0, 4.0, 8.0]


@pytest.mark.parametrize(
    ("asked", "pauses"),
    [
        ("7", [7.0]),
        (formatdate(NOW_S + 20, usegmt=True), [20.0]),
        (formatdate(NOW_S - 20, usegmt=True), []),
        ("86400", [60.0]),
        ("soon", []),
    ],
)
def test_a_pause_is_as_long_as_the_store_asks_up_to_a_minute(
    tempo: TempoServer, asked: str, pauses: list[float]
) -> None:
    tempo.fail("/api/search", replying(429, Retry_After=asked))
    reading = Reading(tempo.url(SOON))
    assert reading.pauses == pauses
    assert len(reading.ids) == 40


def test_a_search_that_stays_refused_is_an_error_with_what_was_said(tempo: TempoServer) -> None:
    tempo.fail("/api/search", replying(400, b"invalid TraceQL query: parse error\nat line 1"))
    with pytest.raises(InputError, match=r"refused with status 400: invalid TraceQL query: parse error$"):
        Reading(tempo.url(SOON + "&q={ nonsense"))
    tempo.fail("/api/search", *[replying(503, b"no space")] * 6)
    with pytest.raises(InputError, match="refused with status 503: no space"):
        Reading(tempo.url(SOON))


def test_a_later_part_of_a_search_that_fails_is_a_problem_and_the_rest_is_read(tempo: TempoServer) -> None:
    found = b'{"traces":[{"traceID":"1"},{"traceID":"2"},{"traceID":"3"}]}'
    tempo.fail("/api/search", replying(200, found, "application/json"), replying(400, b"too much"))
    reading = Reading(tempo.url(f"{SOON}&limit=3"))
    assert {make_id(1), make_id(2), make_id(3)} < set(reading.ids)
    assert reading.problems == {
        "a part of the time asked for could not be searched; traces in it are missing": 1,
    }


@pytest.mark.parametrize(
    ("body", "content_type", "message"),
    [
        (b"<!DOCTYPE html><title>Grafana</title>", "text/html; charset=utf-8", "answers with a page in HTML"),
        (b"hello", "text/plain", "no JSON object"),
        (b"[]", "application/json", "no JSON object"),
    ],
)
@pytest.mark.parametrize("system", ["tempo", "jaeger"])
def test_what_is_no_such_store_is_told_so(
    request: pytest.FixtureRequest, system: str, body: bytes, content_type: str, message: str
) -> None:
    server: LiveServer = request.getfixturevalue(system)
    server.fail("/api/", *[replying(200, body, content_type)] * 4)
    with pytest.raises(InputError, match=message):
        Reading(server.url(SOON + "&service=checkout"))


@pytest.mark.parametrize("scheme", ["tempo", "jaeger", "tempo+https", "jaeger+https"])
def test_a_store_that_is_not_there_is_an_error_that_says_what_to_check(scheme: str) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        with pytest.raises(InputError, match=rf"127\.0\.0\.1:{port} cannot be reached .*check that"):
            Reading(f"{scheme}://127.0.0.1:{port}?{SOON}")


def test_plain_http_where_tls_is_expected_is_told(tempo: TempoServer) -> None:
    with pytest.raises(InputError, match="no secure connection"):
        Reading(f"tempo+https://127.0.0.1:{tempo.port}?{SOON}")


def test_a_store_that_says_nothing_is_given_up(tempo: TempoServer) -> None:
    tempo.fail("/api/search", *[hanging] * 6)
    with pytest.raises(InputError, match="did not answer in time"):
        Reading(tempo.url(SOON), read_timeout_s=0.05)
    assert len(tempo.paths("/api/search")) == 6


@pytest.mark.parametrize("is_packing", [False, True])
def test_an_answer_beyond_the_limit_is_refused(tempo: TempoServer, is_packing: bool) -> None:
    tempo.is_packing = is_packing
    with pytest.raises(InputError, match="the answer is larger than"):
        Reading(tempo.url(SOON), max_body_bytes=100)


def test_redirects_are_followed_on_the_same_host(tempo: TempoServer) -> None:
    tempo.fail("/api/search", replying(307, Location=f"/api/search?start={NOW_S - 59}&end={NOW_S - 59}&limit=9"))
    assert Reading(tempo.url(SOON)).ids == [make_id(1)]


def test_redirects_in_a_circle_end(tempo: TempoServer) -> None:
    tempo.fail("/api/search", *[replying(302, Location="/api/search")] * 9)
    with pytest.raises(InputError, match="more than 5 redirects"):
        Reading(tempo.url(SOON))


def test_credentials_do_not_follow_a_redirect_to_another_host(tempo: TempoServer, jaeger: JaegerServer) -> None:
    tempo.fail("/api/search", replying(302, Location=f"http://127.0.0.1:{jaeger.port}/login?next=x"))
    with pytest.raises(InputError, match="redirects elsewhere"):
        Reading(tempo.url(SOON, user="ann:secret@"))
    assert jaeger.asked == []


@pytest.mark.parametrize(
    ("user", "environment", "sent"),
    [
        ("", {}, None),
        ("ann:p%40ss@", {"FLUO_TEMPO_TOKEN": "t0ken"}, "Basic YW5uOnBAc3M="),
        ("", {"FLUO_TEMPO_TOKEN": " t0ken\n", "FLUO_JAEGER_TOKEN": "other"}, "Bearer t0ken"),
    ],
)
def test_credentials_come_from_the_address_or_the_environment(
    tempo: TempoServer, user: str, environment: dict[str, str], sent: str | None
) -> None:
    Reading(tempo.url(SOON, user=user), environment=environment)
    assert {asked.headers.get("authorization") for asked in tempo.asked} == {sent}


def test_no_message_shows_credentials(tempo: TempoServer) -> None:
    tempo.fail("/api/search", replying(401, b"no: p@ss YW5uOnBAc3M= t0ken"))
    with pytest.raises(InputError, match="FLUO_TEMPO_TOKEN") as error:
        Reading(tempo.url(SOON, user="ann:p%40ss@"))
    assert not any(secret in str(error.value) for secret in ("ann", "p%40ss", "p@ss", "YW5u"))
    tempo.fail(f"/api/v2/traces/{make_id(5)}", replying(403, b"no: t0ken"))
    reading = Reading(tempo.url(f"{SOON}&trace=5&trace=6"), environment={"FLUO_TEMPO_TOKEN": "t0ken"})
    assert reading.problems == {"a trace was not read: status 403, no: …": 1}
    assert "p@ss" not in repr(parse_target(tempo.url(user="ann:p%40ss@")))


def test_a_token_that_no_header_can_hold_is_refused_without_showing_it(tempo: TempoServer) -> None:
    with pytest.raises(InputError, match="header Authorization") as error:
        Reading(tempo.url(SOON), environment={"FLUO_TEMPO_TOKEN": "t0\nken"})
    assert "ken" not in str(error.value).replace("token", "")


def test_an_interruption_does_not_wait_for_slow_answers(tempo: TempoServer) -> None:
    for number in range(2, 9):
        tempo.fail(f"/api/v2/traces/{make_id(number)}", hanging)
    n_answers = 0

    def interrupt(n_bytes: int) -> None:
        nonlocal n_answers
        n_answers += 1
        if n_answers == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Reading(tempo.url(SOON), on_bytes=interrupt)
    assert not tempo.released.is_set()


def test_ctrl_c_ends_a_program_that_waits_for_an_answer(tempo: TempoServer) -> None:
    tempo.fail("/api/search", hanging)
    program = (
        "import sys\n"
        "from fluo_lab.readers.live import parse_target, read_live\n"
        "from fluo_lab.readers.report import Report\n"
        "list(read_live(parse_target(sys.argv[1]), Report('live')))\n"
    )
    with subprocess.Popen([sys.executable, "-c", program, tempo.url(SOON)], stderr=subprocess.PIPE) as process:
        assert tempo.hangs.acquire(timeout=60)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=30)
    assert process.returncode != 0
    assert b"KeyboardInterrupt" in told


def test_calls_give_their_results_in_order_and_take_more_on_the_way() -> None:
    calls: OrderedCalls[int, int] = OrderedCalls(lambda number: number * number, [1, 2, 3, 4], n_threads=2)
    found = []
    for item, result in calls:
        found.append((item, result))
        if item == 1:
            calls.add_next([10, 20])
    assert found == [(1, 1), (2, 4), (10, 100), (20, 400), (3, 9), (4, 16)]


# Addresses


def test_addresses_are_told_from_paths() -> None:
    assert all(map(is_live, ("tempo://h", "JAEGER+https://h")))
    assert not any(map(is_live, ("traces.jsonl", "http://h", "tempo:", "/tempo://h", "tempo+ftp://h")))


@pytest.mark.parametrize(
    ("url", "base_url", "system"),
    [
        ("tempo://h", "http://h:3200", LiveSystem.TEMPO),
        ("jaeger://h/ui/", "http://h:16686/ui", LiveSystem.JAEGER),
        ("tempo+https://u:p@h:8443/tempo?last=1h", "https://h:8443/tempo", LiveSystem.TEMPO),
        ("jaeger+https://[::1]", "https://[::1]:443", LiveSystem.JAEGER),
    ],
)
def test_an_address_says_where_a_store_is(url: str, base_url: str, system: LiveSystem) -> None:
    target = parse_target(url)
    assert (target.base_url, target.system) == (base_url, system)


HOUR = 3600 * 10**9


@pytest.mark.parametrize(
    ("query", "window"),
    [
        ("", (NOW_S * 10**9 - HOUR, NOW_S * 10**9)),
        ("last=90m", (NOW_S * 10**9 - HOUR * 3 // 2, NOW_S * 10**9)),
        ("last=1h30m&end=1600000000", (1600000000 * 10**9 - HOUR * 3 // 2, 1600000000 * 10**9)),
        ("start=1600000000&end=1600000000001", (1600000000 * 10**9, 1600000000001 * 10**6)),
        ("start=1600000000000000&end=1600000000000000001", (1600000000 * 10**9, 1600000000000000001)),
        ("start=2020-09-13T12:26:40Z", (1600000000 * 10**9, NOW_S * 10**9)),
        ("start=2020-09-13T14:26:40%2B02:00", (1600000000 * 10**9, NOW_S * 10**9)),
        ("start=2020-09-13T14:26:40+02:00", (1600000000 * 10**9, NOW_S * 10**9)),
        ("last=9999w", (0, NOW_S * 10**9)),
    ],
)
def test_times_are_read_by_their_form_and_size(query: str, window: tuple[int, int]) -> None:
    assert parse_target(f"tempo://h?{query}").window(NOW_S * 10**9) == window


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://h", "not an address of a live store"),
        ("tempo://", "not an address of a live store"),
        ("tempo://u:secret/x@h", "not an address of a live store"),
        ("tempo://h:99999", "not an address of a live store"),
        ("tempo://[::1", "not an address of a live store"),
        ("tempo://h?operation=x", "unknown parameter 'operation'; Tempo takes .*%26"),
        ("jaeger://h?q={}", "unknown parameter 'q'; Jaeger takes"),
        ("tempo://h?q=", "parameter 'q' without a value"),
        ("tempo://h?limit=5&limit=6", "parameter 'limit' twice"),
        ("tempo://h?limit=0", "limit='0' is no number of traces"),
        ("tempo://h?limit=²", "limit='²' is no number of traces"),
        ("tempo://h?q={}&service=a", "q= and service= at once"),
        ("tempo://h?last=1h&start=5", "last= and start= at once"),
        ("tempo://h?last=soon", "last='soon' is no length of time"),
        ("tempo://h?last=0s", "last='0s' is no length of time"),
        ("tempo://h?start=yesterday", "start='yesterday' with a text that is no RFC 3339 time"),
        ("tempo://h?end=99999999999999999999", "end='99999999999999999999' with"),
        ("tempo://h?trace=xyz", "trace='xyz' is no trace id"),
        ("tempo://h?trace=000", "trace='000' is no trace id"),
    ],
)
def test_an_address_that_cannot_be_meant_is_told_so(url: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as error:
        parse_target(url)
    assert "secret" not in str(error.value)


def test_a_start_after_the_end_is_told() -> None:
    with pytest.raises(InputError, match="the start is not before the end"):
        parse_target("tempo://h?start=1800000000").window(NOW_S * 10**9)


@settings(max_examples=300)
@given(rest=st.text(max_size=30) | st.text("/:@?&=%[]#. 0aq", max_size=30))
def test_any_address_is_understood_or_told_to_be_none(rest: str) -> None:
    try:
        target = parse_target(f"tempo://{rest}")
    except InputError:
        return
    assert target.host


@pytest.mark.parametrize("host", ["a" * 70, "a..b"])
def test_a_host_that_has_no_address_is_told(host: str) -> None:
    with pytest.raises(InputError, match="cannot be resolved"):
        Reading(f"tempo://{host}?{SOON}")
