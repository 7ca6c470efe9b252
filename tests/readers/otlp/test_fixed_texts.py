"""Ids and times joined and read as columns mean what reading them one by one does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluo_lab.readers.ids import IdFault, decode_id
from fluo_lab.readers.otlp.fixed_texts import hex_texts, parse_ids, parse_times, time_texts

IDS = st.text("0123456789abcdefABCDEF", min_size=14, max_size=18) | st.sampled_from(["0" * 16, "", "g" * 16, "\n" * 16])
TIMES = st.integers(0, 2**65).map(str) | st.sampled_from(["", "-1", "1.5", "٣" * 19, " 5", "1" * 19, "9" * 19, "1\n2"])


def filled(texts, values):
    """Take values a few at a time."""
    for first in range(0, len(values), 2):
        texts.add(values[first : first + 2])
    return texts


@given(st.lists(IDS, max_size=6) | st.lists(st.text("0123456789abcdef", min_size=16, max_size=16), max_size=6))
def test_ids_are_read_or_wrong_as_one_by_one(values: list[str]) -> None:
    ids, wrong = parse_ids(filled(hex_texts(8), values))
    assert len(ids) == len(wrong) == len(values)
    for value, found, is_wrong in zip(values, ids.to_list(), wrong.tolist(), strict=True):
        if not is_wrong:
            assert found == decode_id(value, 8) != ""
        elif "\n" not in "".join(values):
            # Base64 and other forms are for the exact reading; what is refused there is refused here.
            with pytest.raises(IdFault) if len(value) not in (0, 16, 11, 12, 24) or "g" in value else _nothing():
                assert not (decode_id(value, 8) and len(value) == 16)


class _nothing:  # noqa: N801 - stands in for a context manager
    def __enter__(self) -> None: ...
    def __exit__(self, *of: object) -> None: ...


def test_an_optional_id_of_zeros_is_none() -> None:
    ids, wrong = parse_ids(filled(hex_texts(8), ["0" * 16, "1" * 16]), is_optional=True)
    assert (ids.to_list(), wrong.any()) == ([None, "1" * 16], False)


@given(st.lists(TIMES, max_size=6) | st.lists(st.integers(10**18, 2**63 - 1).map(str), max_size=6))
def test_times_are_read_or_wrong_as_one_by_one(values: list[str]) -> None:
    times, wrong = parse_times(filled(time_texts(), values))
    assert len(times) == len(wrong) == len(values)
    for value, found, is_wrong in zip(values, times.to_list(), wrong.tolist(), strict=True):
        is_number = value.isascii() and value.isdigit() and int(value) < 2**63
        if not is_wrong:
            assert is_number
            assert found == int(value)
        else:
            assert not is_number or "\n" in "".join(values) or len(value) > 19
