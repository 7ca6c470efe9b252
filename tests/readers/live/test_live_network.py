"""Live stores over a bad network: retrying, giving up, redirects, keeping secrets, and interruptions."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from email.utils import formatdate
from typing import Any

import pytest
from live_readings import NOW_S, SOON, Reading, make_id, serve_jaeger, serve_tempo
from live_servers import (
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
from fluo_lab.readers.live.calls import OrderedCalls
from fluo_lab.readers.live.read import parse_target


@pytest.fixture
def tempo() -> Iterator[TempoServer]:
    with serve_tempo() as server:
        yield server


@pytest.fixture
def jaeger() -> Iterator[JaegerServer]:
    with serve_jaeger() as server:
        yield server


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
        Reading(tempo.url(SOON), read_timeout_s=0.3)
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
        "from fluo_lab.readers.live.read import parse_target, read_live\n"
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


@pytest.mark.parametrize("host", ["a" * 70, "a..b"])
def test_a_host_that_has_no_address_is_told(host: str) -> None:
    with pytest.raises(InputError, match="cannot be resolved"):
        Reading(f"tempo://{host}?{SOON}")
