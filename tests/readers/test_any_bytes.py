"""Any bytes give a sound store or an ``InputError``, never another exception, and no span is lost in silence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from golden import GOLDEN
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from reading_checks import read_bytes, read_golden

TOKENS = [
    b"null",
    b"{}",
    b"[]",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b'"',
    b"\\",
    b"1e999",
    b"-1",
    b"\n",
    b"\r",
    b"\t",
    b";",
    b"\x00",
    b"\xff",
    b"true",
    b'"x":1,',
    b"\xed\xa0\x80",
    b"\xef\xbb\xbf",
    b"\x0a\x00",
    b"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01",
    b"\x1e",
]
SPAN: dict[str, Any] = GOLDEN["otlp-lines"].tree[0]["resourceSpans"][0]["scopeSpans"][0]["spans"][0]
# Where, how many bytes are taken out, what is put in; and whether the file ends there.
EDITS = st.lists(
    st.tuples(
        st.integers(0, 1 << 20), st.integers(0, 12), st.binary(max_size=4) | st.sampled_from(TOKENS), st.integers(0, 9)
    ),
    min_size=1,
    max_size=4,
)
QUICK = settings(
    max_examples=34, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
# Files without checksums, in which bytes stand for a span with nothing around them that tells: a flipped tag makes a
# field of an unknown number, which protobuf skips; a changed count or level in Parquet's pages makes fewer rows.
MAY_LOSE = ("protobuf", "parquet")


def edited(data: bytes, edits: list[tuple[int, int, bytes, int]]) -> bytes:
    """Return some bytes with others in places; one edit in ten cuts the rest off, three in ten keep the length."""
    for at, removed, added, ending in edits:
        at %= len(data) + 1
        removed = len(added) if ending in (6, 7, 8) else removed
        data = data[:at] + added + (b"" if ending == 9 else data[at + removed :])
    return data


def check(name: str, folder: Path, edits: list[tuple[int, int, bytes, int]]) -> None:
    """Read changed bytes; where spans are gone something must be said of it."""
    good = read_golden(name, folder)
    data = edited(GOLDEN[name].data, edits)
    found = read_bytes(folder / "file", data)
    if found.error is None and found.n_spans < good.n_spans and not name.startswith(MAY_LOSE):
        # A file cut off where a record ends is a shorter file.
        is_cut = any(ending == 9 for *_, ending in edits)
        assert found.problems - good.problems or is_cut, f"{good.n_spans - found.n_spans} spans lost in silence"


def test_the_golden_files_themselves_are_read_whole(tmp_path: Path) -> None:
    for name in GOLDEN:
        good = read_golden(name, tmp_path)
        assert good.n_spans == 5 + name.startswith("zipkin-shared"), name
        assert len(good.problems) == name.startswith(("zipkin-shared", "tracevae")), (
            name,
            good.problems,
        )


@pytest.mark.parametrize("name", GOLDEN)
@given(edits=EDITS)
@QUICK
def test_changed_bytes_give_a_sound_store_or_an_input_error(tmp_path: Path, name: str, edits: Any) -> None:
    check(name, tmp_path, edits)


@pytest.mark.slow
@pytest.mark.parametrize("name", GOLDEN)
@given(edits=EDITS)
@settings(QUICK, max_examples=1700, derandomize=False)
def test_many_changed_bytes_give_a_sound_store_or_an_input_error(tmp_path: Path, name: str, edits: Any) -> None:
    check(name, tmp_path, edits)


@given(st.binary(max_size=200))
@settings(QUICK, max_examples=60)
def test_random_bytes_give_a_sound_store_or_an_input_error(tmp_path: Path, data: bytes) -> None:
    read_bytes(tmp_path / "file", data)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from([*SPAN, "resource", "scopeSpans", "spans", "key", "value", "zz"]), inner, max_size=4
        )
    ),
    max_leaves=10,
)


@given(JSON, JSON, JSON)
@settings(QUICK, max_examples=60)
def test_json_of_any_shape_gives_a_sound_store_or_an_input_error(tmp_path: Path, a: Any, b: Any, c: Any) -> None:
    odd = [
        {"resourceSpans": a},
        {"resourceSpans": [{"resource": a, "scopeSpans": b}]},
        {"resourceSpans": [{"scopeSpans": [{"scope": a, "spans": [b, {**SPAN, "attributes": a, "events": [c]}]}]}]},
    ]
    read_bytes(tmp_path / "file", b"\n".join(json.dumps(line).encode() for line in odd))
