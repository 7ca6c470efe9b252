"""What the fast reading needs to know of an encoding: how its messages, ids, times and attributes are read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fluo_lab.traces import ValueType

__all__ = ["FoundPair", "Wire"]

FoundPair: TypeAlias = tuple[str, ValueType, object]
"""Key, type and value of an attribute."""


@dataclass(frozen=True)
class Wire:
    """An encoding of OTLP. Its messages have the attributes that the official ones have.

    Attributes
    ----------
    faults
        What decoding raises where bytes do not fit.
    decode_request
        Return the request in a message; resources, scopes and attributes in it stay bytes.
    decode_resource, decode_scope
        Return a resource or scope; attributes in it stay bytes.
    nothing
        Bytes of a resource or scope without any field.
    join
        Return the bytes of a resource or scope from what the request has in its place.
    read_pairs
        Return attributes from their bytes; None where the exact reading would report something.
    show_ids
        Return ids as text; those that are present and well-formed are hexadecimal.
    read_times
        Return nanoseconds as ``Int64``, and which ones the exact reading has to look at.
    """

    faults: tuple[type[Exception], ...]
    decode_request: Callable[[bytes], Any]
    decode_resource: Callable[[bytes], Any]
    decode_scope: Callable[[bytes], Any]
    nothing: bytes
    join: Callable[[Any], bytes]
    read_pairs: Callable[[Sequence[bytes]], Sequence[FoundPair | None]]
    show_ids: Callable[[list[Any]], list[str]]
    read_times: Callable[[list[Any]], tuple[pl.Series, NDArray[np.bool_]]]
