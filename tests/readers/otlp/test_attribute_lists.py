"""Attribute lists taken apart as one text give what parsing each list gives."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from fluo_lab.readers.otlp.json_pairs import read_json_pairs
from fluo_lab.readers.otlp.lists import AttributeLists
from fluo_lab.readers.otlp.pairs import PairTable

SPACINGS = {
    "compact": lambda value: orjson.dumps(value),
    "spaced": lambda value: json.dumps(value).encode(),
    "indented": lambda value: json.dumps(value, indent=2).encode(),
}
LOOKALIKES = st.sampled_from(['{"key":"', "},{", "[]"])
ATTRIBUTES = st.lists(
    st.fixed_dictionaries(
        {
            "key": st.sampled_from(["a", "b", 'quote"', "{", '{"key":"', "]}"]),
            "value": st.one_of(
                st.builds(
                    lambda v: {"stringValue": v}, st.text(max_size=5) | st.sampled_from(['{"key":"', "},{", "[]"])
                ),
                st.builds(lambda v: {"intValue": str(v)}, st.integers(-(2**63), 2**63 - 1)),
                st.builds(lambda v: {"arrayValue": {"values": [{"stringValue": v}]}}, st.text(max_size=3)),
                st.builds(
                    lambda k, v: {"kvlistValue": {"values": [{"key": k, "value": {"stringValue": v}}]}},
                    st.text(min_size=1, max_size=2),
                    st.text(max_size=2),
                ),
            ),
        }
    ),
    max_size=4,
)


def taken_apart(lists: list[bytes]) -> tuple[list[tuple[Any, ...]], list[int]]:
    """Return (owner, key, type, value) of every attribute, and the owners that need the exact reading."""
    gathered = AttributeLists(PairTable(read_json_pairs))
    for first in range(0, len(lists), 3):  # as they come, a few at a time
        gathered.add([Raw(text) for text in lists[first : first + 3]])
    rows, odd = gathered.finish()
    found = []
    for row in rows.frame.iter_rows(named=True):
        value = row["int"] if row["text"] is None else rows.texts[row["text"]]
        found.append((row["owner"], rows.keys[row["key"]], row["type"], value))
    return sorted(found, key=repr), sorted(set(odd.tolist()))


def parsed(lists: list[bytes]) -> list[tuple[Any, ...]]:
    """Return the same by parsing every list."""
    found = []
    for owner, text in enumerate(lists):
        for pair in orjson.loads(text) if text else []:
            rows, _ = read_json_pairs([orjson.dumps(pair)])
            row = rows.frame.row(0, named=True)
            value = row["int"] if row["text"] is None else rows.texts[row["text"]]
            found.append((owner, pair["key"], row["type"], value))
    return sorted(found, key=repr)


@pytest.mark.parametrize("spacing", SPACINGS)
@given(st.lists(ATTRIBUTES, max_size=6), st.data())
def test_any_lists_in_any_spacing_are_taken_apart_as_parsing_does(spacing: str, lists, data) -> None:
    texts = [SPACINGS[spacing](one) if one or data.draw(st.booleans()) else b"" for one in lists]
    found, odd = taken_apart(texts)
    assert odd == []
    assert found == parsed(texts)


def test_lists_of_several_writers_in_one_file_are_taken_apart() -> None:
    one = [{"key": "a", "value": {"stringValue": "x"}}, {"value": {"intValue": "5"}, "key": "b"}]
    texts = [write(one) for write in SPACINGS.values()] + [b"[ ]", b"", b"[]"]
    found, odd = taken_apart(texts)
    assert (found, odd) == (parsed(texts), [])


@pytest.mark.parametrize(
    "text", [b"null", b'"x"', b"{}", b'""', b"5", b"[null]", b'[{"key":"a"}]', b'[{"key":"a","value":{}}]']
)
def test_what_is_no_list_of_attributes_is_left_to_the_exact_reading_and_costs_no_neighbour(text: bytes) -> None:
    good = b'[{"key":"a","value":{"stringValue":"x"}}]'
    found, odd = taken_apart([good, text, good])
    assert odd == [1]
    assert [row for row in found if row[0] != 1] == parsed([good, b"", good])
