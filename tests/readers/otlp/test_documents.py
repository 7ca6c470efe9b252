"""JSON that is not one document a line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fluo_lab.errors import InputError
from fluo_lab.readers import read_traces


@pytest.fixture
def requests(request_line) -> list[dict]:
    return [json.loads(request_line(spanId=f"{i + 1:016x}")) for i in range(3)]


def _count(path: Path, text: str | bytes) -> tuple[int, list[str]]:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    traces = read_traces(path)
    return traces.n_spans, traces.problems["what"].to_list()


def test_a_pretty_printed_document_is_read(tmp_path: Path, requests) -> None:
    assert _count(tmp_path / "a", json.dumps(requests[0], indent=2)) == (1, [])


def test_an_array_of_requests_is_read_however_it_is_broken_into_lines(tmp_path: Path, requests) -> None:
    assert _count(tmp_path / "a", json.dumps(requests)) == (3, [])
    assert _count(tmp_path / "b", json.dumps(requests, indent=1)) == (3, [])
    one_a_line = "[\n" + ",\n".join(map(json.dumps, requests)) + "\n]\n"
    assert _count(tmp_path / "c", one_a_line) == (3, [])


def test_documents_in_a_row_are_read(tmp_path: Path, requests) -> None:
    assert _count(tmp_path / "a", "\n".join(json.dumps(r, indent=2) for r in requests)) == (3, [])
    assert _count(tmp_path / "b", "".join(map(json.dumps, requests))) == (3, [])


def test_wrappers_of_query_interfaces_are_read(tmp_path: Path, requests) -> None:
    request = requests[0]
    for i, wrapped in enumerate(
        ({"trace": request}, {"result": request}, {"batches": request["resourceSpans"]}, {"result": request, "x": 1})
    ):
        assert _count(tmp_path / f"{i}", json.dumps(wrapped)) == (1, [])
        assert _count(tmp_path / f"{i}.pretty", json.dumps(wrapped, indent=2)) == (1, [])


def test_a_byte_order_mark_and_blank_lines_do_no_harm(tmp_path: Path, requests) -> None:
    lines = "\r\n\r\n".join(map(json.dumps, requests))
    assert _count(tmp_path / "a", b"\xef\xbb\xbf" + lines.encode()) == (3, [])


def test_a_damaged_document_costs_only_itself(tmp_path: Path, requests) -> None:
    texts = [json.dumps(r, indent=2) for r in requests]
    n_spans, problems = _count(tmp_path / "a", "\n".join([texts[0], texts[1].replace(":", "?", 3), texts[2]]))
    assert n_spans == 2
    assert problems == ["text that is no JSON document, not read"]


def test_a_document_cut_off_at_the_end_is_named(tmp_path: Path, requests) -> None:
    texts = [json.dumps(r, indent=2) for r in requests]
    assert _count(tmp_path / "a", texts[0] + "\n" + texts[1][:-20]) == (1, ["the last document is cut off, not read"])


def test_a_first_line_cut_off_does_not_make_one_document_of_the_file(tmp_path: Path, requests) -> None:
    lines = [json.dumps(r, separators=(",", ":")) for r in requests]
    for name, fragment in (("a", lines[0][:60]), ("b", lines[0][-60:]), ("c", "}")):
        n_spans, problems = _count(tmp_path / name, "\n".join([fragment, *lines[1:]]))
        assert (n_spans, len(problems)) == (2, 1)


def test_a_single_document_cut_off_leaves_nothing_to_read(tmp_path: Path, requests) -> None:
    (tmp_path / "a").write_text(json.dumps(requests[0], indent=2)[:-10])
    with pytest.raises(InputError, match="cut off"):
        read_traces(tmp_path / "a")


def test_deep_nesting_is_a_fault_and_no_crash(tmp_path: Path) -> None:
    (tmp_path / "a").write_text('{"resourceSpans":\n' + "[" * 100_000)
    with pytest.raises(InputError, match="no document"):
        read_traces(tmp_path / "a")
