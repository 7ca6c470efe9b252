"""Addresses of live stores: where a store is, the time asked for, and what cannot be meant."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from live_readings import NOW_S

from fluo_lab.errors import InputError
from fluo_lab.readers.live.read import is_live, parse_target
from fluo_lab.readers.live.target import LiveSystem


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
