"""Plain values and their texts.

Where no literal decides, two values are equal when their texts are, so there is one place that says what the
text of a value is.
"""

from __future__ import annotations

import base64
import math
from typing import Any

import orjson

from fluo_lab.traces.schema import ValueType

__all__ = ["decode_value", "encode_json", "text_of"]


def text_of(value: object) -> str:
    """Return the text of a value: what ``contains``, ``matches`` and equality of texts see.

    Examples
    --------
    >>> text_of(5.0), text_of(0.1), text_of(True), text_of(float("nan")), text_of([1, "a"])
    ('5', '0.1', 'true', 'NaN', '[1,"a"]')
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        if math.isnan(value):
            return "NaN"
        if math.isinf(value):
            return "Infinity" if value > 0 else "-Infinity"
        return str(int(value)) if value.is_integer() else repr(value)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, list | dict):
        return encode_json(value)
    return str(value)


def encode_json(value: object) -> str:
    """Return an array or key-value list as compact JSON; keys keep their order."""
    return orjson.dumps(_plain(value)).decode()


def _plain(value: object) -> object:
    """Return a value with everything JSON cannot write replaced by its text."""
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, bytes) or (isinstance(value, float) and not math.isfinite(value)):
        return text_of(value)
    return value


def decode_value(text: str, value_type: ValueType) -> Any:
    """Return the plain value that the text of a textual type stands for."""
    if value_type is ValueType.BYTES:
        return base64.b64decode(text)
    if value_type in (ValueType.ARRAY, ValueType.KVLIST):
        return orjson.loads(text)
    return text
