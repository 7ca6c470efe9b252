"""Trace and span ids: hexadecimal by the specification, base64 from plain protobuf-JSON writers."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Final

__all__ = ["SPAN_ID_BYTES", "TRACE_ID_BYTES", "IdFault", "decode_id", "decode_id_bytes"]

TRACE_ID_BYTES: Final = 16
SPAN_ID_BYTES: Final = 8
_IS_HEX = re.compile(r"[0-9a-fA-F]+").fullmatch


class IdFault(ValueError):
    """The text or bytes are no id; the message says what they are."""


def decode_id(text: str, n_bytes: int) -> str:
    """Return an id as lower-case hexadecimal digits, or an empty string for an absent (empty or all-zero) one.

    Every hexadecimal text is valid base64 too, so the length decides: two digits a byte are hexadecimal, the
    length of base64 is base64. Three digits a byte are a hexadecimal id that was once taken for base64 and
    decoded; encoding it again restores it.

    Raises
    ------
    IdFault
        Any other length or other characters.

    Examples
    --------
    >>> decode_id("EEE19B7EC3C1B174", 8)
    'eee19b7ec3c1b174'
    >>> decode_id("7uGbfsPBsXQ=", 8)
    'eee19b7ec3c1b174'
    >>> decode_id("0000000000000000", 8)
    ''
    """
    length = len(text)
    if length == 2 * n_bytes and _IS_HEX(text):
        found = text.lower()
    elif length == 0:
        return ""
    elif length == 3 * n_bytes and _IS_HEX(text):
        return decode_id_bytes(bytes.fromhex(text), n_bytes)
    elif length in ((n_bytes + 2) // 3 * 4, (n_bytes * 4 + 2) // 3):
        found = _decode_base64(text, n_bytes)
    else:
        raise IdFault(f"{length} characters")
    return found if found.strip("0") else ""


def decode_id_bytes(data: bytes, n_bytes: int) -> str:
    """Return an id given as bytes as lower-case hexadecimal digits, or an empty string for an absent one.

    Raises
    ------
    IdFault
        Another length than ``n_bytes``, and not that of a hexadecimal id decoded as base64 either.
    """
    if len(data) == n_bytes:
        return data.hex() if any(data) else ""
    if not data:
        return ""
    if 2 * len(data) == 3 * n_bytes:
        restored = base64.b64encode(data).decode()
        if _IS_HEX(restored):
            return restored.lower() if restored.strip("0") else ""
    raise IdFault(f"{len(data)} bytes")


def _decode_base64(text: str, n_bytes: int) -> str:
    padded = text.rstrip("=").replace("-", "+").replace("_", "/")
    padded += "=" * (-len(padded) % 4)
    try:
        data = base64.b64decode(padded, validate=True)
    except (binascii.Error, ValueError):
        data = b""
    if len(data) != n_bytes:
        raise IdFault(f"{len(text)} characters")
    return data.hex()
