"""JSON of any layout is cut into parts that make up the whole again, and survives damage."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fluo_lab.readers.json.documents import Document, _Splitter, read_documents, split_documents
from fluo_lab.readers.report import Report
from fluo_lab.readers.source import Source

ENVELOPES = ("resourceSpans", "resource_spans", "batches", "data", "result", "trace", "hits")
Problems = list[tuple[str, int | None, int]]


def _split(data: bytes | str, *, block_bytes: int = 1 << 24, **options: int) -> tuple[list[Document], Problems]:
    data = data if isinstance(data, bytes) else data.encode()
    report = Report("a")
    documents = list(split_documents([data], report, block_bytes=block_bytes, **options))
    return documents, [(problem.what, problem.line, problem.n) for problem in report.problems()]


def _values(data: bytes | str, **options: int) -> list[Any]:
    return [document.value for document in _split(data, **options)[0]]


def _merge(whole: Any, part: Any) -> Any:
    """Return parts of one document put together, as whoever reads them in turn sees them."""
    if isinstance(whole, list) and isinstance(part, list):
        return whole + part
    merged = dict(whole)
    for key, value in part.items():
        known = merged.get(key)
        is_way = key in ENVELOPES and type(known) is type(value) and isinstance(value, list | dict)
        merged[key] = _merge(known, value) if is_way else value
    return merged


def _flat(value: Any) -> Any:
    """Return an array without the arrays in it, of which a large one may come as several."""
    if not isinstance(value, list):
        return value
    return [inner for element in value for inner in (element if isinstance(element, list) else [element])]


def _join(parts: list[Any]) -> Any:
    joined = parts[0]
    for part in parts[1:]:
        joined = _merge(joined, part)
    return joined


SCALARS = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8) | st.floats(-1e9, 1e9)
TEXTS = st.sampled_from(['"', "\\", '\\"', "},{", "]}", "[{", '{"a":', "é", "\U0001f600", "\n", "x" * 50, "\x1e"])
JSON = st.recursive(
    SCALARS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("abcd") | TEXTS, inner, max_size=4),
    max_leaves=8,
)
ELEMENTS = st.lists(st.dictionaries(st.sampled_from(["a", "b", "traceId"]), JSON, max_size=3), max_size=8)
EXTRAS = st.dictionaries(st.sampled_from(["total", "errors", "x", "spans", "processes"]), JSON, max_size=2)


@st.composite
def _documents(draw: st.DrawFn) -> Any:
    elements = draw(ELEMENTS)
    shape = draw(st.sampled_from(["array", "arrays", "object", "nested", "two", "any"]))
    if shape == "array":
        return elements
    if shape == "arrays":
        return draw(st.lists(ELEMENTS.filter(bool), min_size=1, max_size=3))
    if shape == "any":
        return draw(st.lists(JSON, max_size=4) | st.dictionaries(st.sampled_from("abc"), JSON, max_size=4))
    document = {**draw(EXTRAS), draw(st.sampled_from(ENVELOPES)): elements, **draw(EXTRAS)}
    if shape == "two":
        document = {**document, draw(st.sampled_from(ENVELOPES)): draw(ELEMENTS)}
    if shape == "nested":
        document = {**draw(EXTRAS), draw(st.sampled_from(ENVELOPES)): document, **draw(EXTRAS)}
    return document


def _dump(value: Any, style: int) -> str:
    styles: list[dict[str, Any]] = [{"separators": (",", ":")}, {}, {"indent": 2}, {"indent": 0}, {"indent": "\t"}]
    return json.dumps(value, **styles[style], ensure_ascii=style % 2 == 0)


STYLES = st.integers(0, 4)
BLOCKS = st.integers(1, 200)


@given(_documents(), STYLES, BLOCKS)
@settings(max_examples=150, deadline=None)
def test_the_parts_of_a_document_make_up_the_whole(value, style: int, block_bytes: int) -> None:
    documents, problems = _split(_dump(value, style), block_bytes=block_bytes)
    assert problems == []
    assert _flat(_join([document.value for document in documents])) == _flat(value)


@given(
    st.lists(_documents(), min_size=1, max_size=4), STYLES, st.sampled_from(["\n", "", " ", "\n\n", "\n\x1e", "\r\n"])
)
@settings(max_examples=100, deadline=None)
def test_documents_in_a_row_that_fit_in_a_block_come_whole(values, style: int, between: str) -> None:
    documents, problems = _split(between.join(_dump(value, style) for value in values))
    assert problems == []
    assert [document.value for document in documents] == values


@given(st.lists(_documents(), min_size=1, max_size=3), STYLES, st.sampled_from(["\n", "", "\n\n", "\n\x1e"]), BLOCKS)
@settings(max_examples=100, deadline=None)
def test_large_documents_in_a_row_lose_nothing(values, style: int, between: str, block_bytes: int) -> None:
    documents, problems = _split(between.join(_dump(value, style) for value in values), block_bytes=block_bytes)
    assert problems == []
    starts = [0]
    for value in values[:-1]:
        starts.append(starts[-1] + len((_dump(value, style) + between).encode()))
    groups: list[list[Any]] = [[] for _ in values]
    for document in documents:
        groups[max(i for i, start in enumerate(starts) if start <= document.offset_bytes)].append(document.value)
    assert [_flat(_join(group)) for group in groups] == [_flat(value) for value in values]


@given(_documents(), STYLES, BLOCKS)
@settings(max_examples=60, deadline=None)
def test_data_is_what_the_value_was_parsed_from_and_the_place_is_right(value, style: int, block_bytes: int) -> None:
    data = _dump(value, style).encode()
    for document in _split(data, block_bytes=block_bytes)[0]:
        assert orjson.loads(document.data) == document.value
        assert document.line == data.count(b"\n", 0, document.offset_bytes) + 1
        assert document.offset_bytes < len(data)


def test_a_document_within_a_block_comes_whole_and_a_larger_one_in_parts_of_its_shape() -> None:
    text = '{"took":1,"hits":{"total":3,"hits":[{"_id":1},{"_id":2},{"_id":3}],"max":null},"x":[]}'
    assert _values(text) == [json.loads(text)]
    assert _values(text, block_bytes=8) == [
        {"took": 1},
        {"hits": {"total": 3}},
        {"hits": {"hits": [{"_id": 1}]}},
        {"hits": {"hits": [{"_id": 2}]}},
        {"hits": {"hits": [{"_id": 3}]}},
        {"hits": {"hits": [], "max": None}},
        {"hits": {"hits": []}, "x": []},
    ]
    first, *_, last = _values(text, block_bytes=64)
    assert first == {"took": 1, "hits": {"total": 3, "hits": [{"_id": 1}, {"_id": 2}]}}
    assert last["x"] == []


def test_traces_of_zipkin_are_cut_between_traces_and_a_large_one_within() -> None:
    text = '[[{"id":1},{"id":2}],[{"id":3}],[{"id":4}]]'
    assert _values(text, block_bytes=8) == [[[{"id": i}]] for i in (1, 2, 3, 4)]
    assert _values(text, block_bytes=40) == [[[{"id": 1}, {"id": 2}], [{"id": 3}]], [[{"id": 4}]]]


def test_traces_of_jaeger_are_never_cut_within() -> None:
    traces = [{"traceID": str(i), "spans": [{"spanID": "1"}] * 9, "processes": {"p1": {}}} for i in range(3)]
    parts = _values(json.dumps({"data": traces, "total": 0}), block_bytes=16)
    assert [trace for part in parts for trace in part["data"]] == traces
    assert _values(json.dumps(traces[0]), block_bytes=16) == [traces[0]]


def test_an_array_behind_the_elements_is_not_taken_for_more_of_them() -> None:
    text = '{"data":[{"a":1},{"a":2}],"errors":[{"a":3},{"a":4}]}'
    for block_bytes in range(1, 60):
        parts = _values(text, block_bytes=block_bytes)
        assert _join(parts) == json.loads(text), block_bytes


def test_files_are_read_as_bytes_are(tmp_path: Path) -> None:
    data = b"\xef\xbb\xbf" + b"\n".join(b'{"data":[%d,%d]}' % (i, i) for i in range(100))
    (tmp_path / "a").write_bytes(data)
    report = Report("a")
    documents = list(read_documents(Source(tmp_path / "a", "a"), report, block_bytes=64))
    assert [document.value for document in documents] == [{"data": [i, i]} for i in range(100)]
    assert documents[-1].line == 100


def _element(kind: str, i: int) -> dict[str, Any]:
    if kind == "otlp":
        span = {"traceId": f"{i:032x}", "spanId": f"{i:016x}", "name": 'say "hi" },{', "attributes": [{"key": "k"}]}
        return {"resource": {"attributes": []}, "scopeSpans": [{"spans": [span, span]}]}
    if kind == "jaeger":
        spans = [{"traceID": f"{i:032x}", "spanID": f"{j}", "tags": [{"key": "a", "value": j}]} for j in range(2)]
        return {"traceID": f"{i:032x}", "spans": spans, "processes": {"p1": {"serviceName": "s"}}}
    return {"traceId": f"{i:032x}", "id": f"{i}", "tags": {"a": "b\\"}, "annotations": [{"value": "x"}]}


def _file(kind: str, n: int, style: int) -> tuple[bytes, list[int]]:
    """Return a document of ``n`` elements, and the offset at which each is known to have begun."""
    elements = [_element(kind, i) for i in range(n)]
    value = {"otlp": {"resourceSpans": elements}, "jaeger": {"data": elements, "total": n}}.get(kind, elements)
    if kind == "zipkin traces":
        value = [elements[i : i + 3] for i in range(0, n, 3)]
    data = _dump(value, style).encode()
    return data, [data.find(f"{i:032x}".encode()) for i in range(n)]


def _ids(documents: list[Document]) -> set[int]:
    """Return the numbers of the elements that came, also of those that a bracket too many put outside the array."""
    found = set()
    for document in documents:
        value = document.value
        elements = value.get("resourceSpans", value.get("data", [value])) if isinstance(value, dict) else value
        for element in elements if isinstance(elements, list) else []:
            for one in element if isinstance(element, list) else [element]:
                text = json.dumps(one)
                found |= {i for i in range(60) if f"{i:032x}" in text}
    return found


KINDS = ["otlp", "jaeger", "zipkin", "zipkin traces"]
EDITS = st.tuples(
    st.floats(0, 1), st.integers(0, 1), st.binary(max_size=1) | st.sampled_from([bytes([c]) for c in b'"{}[],:\\\n0'])
)


@given(st.sampled_from(KINDS), STYLES, EDITS, st.sampled_from([64, 500, 3000, 1 << 24]))
@settings(max_examples=400, deadline=None)
def test_one_damaged_byte_costs_its_element_and_at_most_its_neighbours(kind, style, edit, block_bytes) -> None:
    n = 24
    data, offsets = _file(kind, n, style)
    share, removed, added = edit
    at = offsets[1] + int(share * (offsets[-2] - offsets[1]))
    damaged = data[:at] + added + data[at + removed :]
    near = sum(offset <= at for offset in offsets) - 1
    found = _ids(_split(damaged, block_bytes=block_bytes)[0])
    assert found >= set(range(n)) - {near - 1, near, near + 1}


@given(st.sampled_from(KINDS), STYLES, st.floats(0, 1), st.sampled_from([64, 500, 1 << 24]))
@settings(max_examples=200, deadline=None)
def test_a_document_cut_off_gives_all_whole_elements_and_one_problem(kind, style, share, block_bytes) -> None:
    data, offsets = _file(kind, 12, style)
    at = offsets[1] + int(share * (offsets[-1] - offsets[1]))
    documents, problems = _split(data[:at], block_bytes=block_bytes)
    n_begun = sum(offset <= at for offset in offsets)
    assert _ids(documents) >= set(range(n_begun - 1))
    assert problems in (
        [("the last document is cut off; what came before in it was read", line, 1)] for _, line, _ in problems
    )


def _damage(data: bytes, n: int, seed: int) -> bytes:
    noise = random.Random(seed)
    damaged = bytearray(data)
    for _ in range(n):
        damaged[noise.randrange(len(damaged))] = noise.choice(b'"{}[],:\\\n\x00\xffa0')
    return bytes(damaged)


def _effort(data: bytes, block_bytes: int) -> int:
    """Return how many bytes were looked at in search of ends and faults."""
    splitter = _Splitter(iter([data]), Report("a"), block_bytes, 1 << 30)
    for _ in splitter.split():
        pass
    return splitter.window.effort_bytes


HARD = {
    "brackets": b"[" * 50_000,
    "brackets on lines": b"[\n" * 30_000,
    "objects in objects": b'{"data":' * 10_000,
    "arrays in objects": b'[{"a":' * 10_000,
    "open strings": b'{"a":"' * 10_000,
    "quotes": b'"' * 60_000,
    "small documents": b"{}" * 30_000,
    "small documents and a fault": b"{}" * 30_000 + b"?",
    "faulty documents": b'{"a":?}' * 10_000,
    "faulty elements": b"[" + b'{"a":?},' * 10_000,
    "nested lookalikes": b"[" + b'{"a":[' * 300 + b"?" + b'{"a":1},' * 5_000,
    "openings that are never closed": b'{"data":[' + b'{"a":{"b":1,' * 5_000,
    "commas": b"[" + b"," * 60_000,
    "numbers": b"[" + b"1," * 30_000,
}


@pytest.mark.parametrize("name", HARD)
@pytest.mark.parametrize("block_bytes", [1 << 10, 1 << 24])
def test_hard_bytes_take_work_in_proportion_to_their_number(name: str, block_bytes: int) -> None:
    data = HARD[name]
    assert _effort(data, block_bytes) < 40 * len(data) + (1 << 21)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("style", [0, 2])
def test_many_damages_take_work_in_proportion_to_the_bytes(kind: str, style: int) -> None:
    data, _ = _file(kind, 3_000, style)
    for n_damages in (10, 300, 3_000):
        assert _effort(_damage(data, n_damages, 7), 1 << 18) < 20 * len(data) + (1 << 20)


@given(st.sampled_from(KINDS), STYLES, st.integers(0, 1 << 30), st.integers(1, 30), st.sampled_from([16, 300, 1 << 24]))
@settings(max_examples=200, deadline=None)
def test_any_damage_gives_documents_or_problems(kind, style, seed, n_damages, block_bytes) -> None:
    data = _damage(_file(kind, 12, style)[0], n_damages, seed)
    documents, problems = _split(data, block_bytes=block_bytes)
    assert documents or problems


@given(st.binary(max_size=80) | st.lists(st.sampled_from([*'{}[]",:\\ \n\x1e', "1", "tru", '"data":[', '{"a":1}'])))
@settings(max_examples=300, deadline=None)
def test_any_bytes_give_documents_or_problems(data) -> None:
    data = data if isinstance(data, bytes) else "".join(data).encode()
    for block_bytes in (1, 7, 1 << 24):
        documents, problems = _split(data, block_bytes=block_bytes)
        assert documents or problems or not data.strip(b" \t\r\n\x0b\x0c\x1e\xef\xbb\xbf")


def test_damaged_lines_are_named_as_the_reader_of_lines_names_them() -> None:
    lines = [b'{"a":1}', b'{"a":}', b'{"a":"\xff"}', b'{"a":2', b"", b'{"a":3}}', b'  {"a":4}\r', b'{"a":5}', b'{"a']
    documents, problems = _split(b"\n".join(lines))
    assert [(document.value["a"], document.line, document.offset_bytes) for document in documents] == [
        (1, 1, 0),
        (4, 7, 44),
        (5, 8, 53),
    ]
    assert problems == [
        ("line that is not JSON, not read: unexpected character, expected a JSON value", 2, 1),
        ("line that is not UTF-8, not read", 3, 1),
        ("line that is not JSON, not read: unexpected end of data", 4, 1),
        ("line that is not JSON, not read: unexpected content after document", 6, 1),
        ("the last line is cut off, not read", 9, 1),
    ]


def test_a_damaged_element_is_named_with_its_place() -> None:
    elements = [f'{{"traceID":"{i}","spans":[{i}]}}' for i in range(5)]
    elements[2] = elements[2].replace(":[", "?[")
    documents, problems = _split('{"data":[\n' + ",\n".join(elements) + '\n],"total":5}')
    assert _join([d.value for d in documents]) == {
        "data": [{"traceID": str(i), "spans": [i]} for i in (0, 1, 3, 4)],
        "total": 5,
    }
    assert problems == [("an element of a damaged document, not read: expecting ':' delimiter", 4, 1)]


@pytest.mark.parametrize("text", [b'"\xff"', b'"\xed\xa0\x80"', b'"\\ud800"', b"NaN", b"1e9999x", b'"\x01"'])
@pytest.mark.parametrize("block_bytes", [16, 1 << 24])
def test_what_is_wrong_within_an_element_costs_that_element(text: bytes, block_bytes: int) -> None:
    data = b'[{"traceId":"1","a":1},{"traceId":"2","a":' + text + b'},{"traceId":"3","a":1}]'
    documents, problems = _split(data, block_bytes=block_bytes)
    assert [one["traceId"] for document in documents for one in document.value] == ["1", "3"]
    assert [what[:32] for what, _, _ in problems] == ["an element of a damaged document"]


def test_a_lost_beginning_of_the_array_is_found_again() -> None:
    rest = '{"traceID":"1"},{"traceID":"2"}],"total":2}'
    for head in ('{"data:[', '{data":[', '{"data"[', '"data":[', '{"data" :: ['):
        documents, problems = _split(head + rest)
        n_read = sum(len(document.value.get("data", ())) for document in documents)
        assert (n_read, len(problems)) == ((2, 1) if "::" not in head else (0, 1))


def test_a_bracket_too_many_does_not_end_the_document() -> None:
    for text in (
        '{"data":[{"a":1,"b":1}],{"a":2,"b":1},{"a":3,"b":1}]}',
        '{"data":[{"a":1,"b":1}},{"a":2,"b":1},{"a":3,"b":1}]}',
        '{"data":[{"a":1,"b":1}]},{"a":2,"b":1},{"a":3,"b":1}]}',
    ):
        documents, problems = _split(text)
        assert {one["a"] for document in documents for one in document.value["data"]} >= {2, 3}
        assert problems


def test_an_element_larger_than_the_limit_is_refused_and_the_next_is_read() -> None:
    large = '{"traceID":"2","x":"' + "x" * 5_000 + '"}'
    text = '{"data":[{"traceID":"1","x":1},' + large + ',{"traceID":"3","x":1}]}'
    documents, problems = _split(text, block_bytes=64, limit_bytes=1_000)
    assert [one["traceID"] for document in documents for one in document.value["data"]] == ["1", "3"]
    assert [what[:22] for what, _, _ in problems] == ["an element of more tha"]
    line = '{"x":"' + "x" * 5_000 + '"}\n'
    documents, problems = _split('{"a":1}\n' + line + '{"a":2}\n', block_bytes=64, limit_bytes=1_000)
    assert [document.value for document in documents] == [{"a": 1}, {"a": 2}]
    assert len(problems) == 1


def test_an_element_nested_too_deeply_is_refused_and_the_next_is_read() -> None:
    deep = '{"traceID":"2","x":' + "[" * 5_000 + "]" * 5_000 + "}"
    documents, problems = _split('{"data":[{"traceID":"1","x":1},' + deep + ',{"traceID":"3","x":1}]}')
    assert [one["traceID"] for document in documents for one in document.value["data"]] == ["1", "3"]
    assert [(what, n) for what, _, n in problems] == [
        ("an element of a damaged document, not read: nested too deeply", 1)
    ]


def test_a_number_longer_than_any_costs_its_element() -> None:
    text = '{"data":[{"a":' + "1" * 6_000 + '},{"a":1}]}'
    assert _values(text, block_bytes=32) == [{"data": [{"a": 1}]}]
