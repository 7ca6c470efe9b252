"""Attribute values of many spans at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

__all__ = ["Mask", "Texts", "Value", "When", "hex_texts", "http_attributes"]

Mask = NDArray[np.bool_]

_PAIRS = np.frombuffer(b"".join(b"%02x" % byte for byte in range(256)), dtype=np.uint16)


@dataclass(frozen=True, slots=True, eq=False)
class Texts:
    """Texts of which there are few.

    Attributes
    ----------
    codes
        For each visit, the index of its text.
    options
        The texts.
    """

    codes: NDArray[np.int64]
    options: tuple[str, ...]

    def is_any(self, *texts: str) -> Mask:
        """Return where the text is one of the given, shape ``(n_visits,)``."""
        wanted = [code for code, text in enumerate(self.options) if text in texts]
        return np.isin(self.codes, wanted)


Scalar = str | bool | int | float
Column = NDArray[np.int64] | NDArray[np.float64] | NDArray[np.bool_] | pl.Series | Texts


@dataclass(frozen=True, slots=True, eq=False)
class When:
    """A value that only some of the visits carry.

    Attributes
    ----------
    where
        Which, shape ``(n_visits,)``.
    value
        What they carry.
    """

    where: Mask
    value: Scalar | Column


Value = Scalar | Column | When


def http_attributes(
    constants: Mapping[str, str | int], path_key: str, path: str | Texts | pl.Series
) -> list[tuple[str, Value]]:
    """Return attributes of which one ends in a path that may differ from visit to visit.

    Examples
    --------
    >>> http_attributes({"url.full": "http://orders:8080"}, "url.full", "/orders")
    [('url.full', 'http://orders:8080/orders')]
    """
    prefix = str(constants[path_key])
    value: Value
    if isinstance(path, Texts):
        value = Texts(path.codes, tuple(prefix + option for option in path.options))
    else:
        value = prefix + path
    return [(key, value if key == path_key else constant) for key, constant in constants.items()]


def hex_texts(bits: NDArray[np.uint64], *, prefix: str = "") -> pl.Series:
    """Return each row's numbers as lower-case hexadecimal digits behind a prefix.

    Parameters
    ----------
    bits
        Shape ``(n,)`` or ``(n, k)``: the ``16 * k`` digits of row i are those of ``bits[i]``, the first number first.
    prefix
        ASCII text before the digits.

    Examples
    --------
    >>> hex_texts(np.array([1, 255], dtype=np.uint64), prefix="id_").to_list()
    ['id_0000000000000001', 'id_00000000000000ff']
    """
    n = len(bits)
    n_bytes = 8 * (bits.shape[1] if bits.ndim > 1 else 1)
    digits = _PAIRS[np.ascontiguousarray(bits.astype(">u8")).view(np.uint8).reshape(n, n_bytes)].view(np.uint8)
    head = np.frombuffer(prefix.encode("ascii"), dtype=np.uint8)
    width = len(head) + digits.shape[1]
    rows = np.empty((n, width), dtype=np.uint8)
    rows[:, : len(head)] = head
    rows[:, len(head) :] = digits
    offsets = np.arange(0, (n + 1) * width, width, dtype=np.int64)
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(rows)]
    texts = pl.from_arrow(pa.Array.from_buffers(pa.large_string(), n, buffers))
    if not isinstance(texts, pl.Series):
        raise TypeError(f"expected a series of texts, got {type(texts).__name__}")
    return texts
