"""What an encoding of OTLP has to know: how each part of a request is written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import polars as pl

from fluo_lab.writers.attributes import EncodeAttribute

__all__ = ["FACE", "Encoding"]

FACE = (
    "name",
    "kind",
    "status",
    "status_message",
    "trace_state",
    "flags",
    "dropped_attributes",
    "dropped_events",
    "dropped_links",
)
"""The fields of a span that many spans have in common, and that are therefore encoded once for all of them."""


class Encoding(Protocol):
    """How the parts of a request are written. Parts that are absent are empty bytes."""

    separator: bytes
    """What stands between attributes, events or links in a row."""

    def attribute_of(self, owner: str) -> EncodeAttribute:
        """Return what encodes an attribute of a span, resource, scope, event or link."""
        ...

    def face(self, row: dict[str, Any]) -> bytes:
        """Return the fields ``FACE`` of a span."""
        ...

    def event_face(self, row: dict[str, Any]) -> bytes:
        """Return the name and the number of dropped attributes of an event."""
        ...

    def link_face(self, row: dict[str, Any]) -> bytes:
        """Return the trace state, the flags and the number of dropped attributes of a link."""
        ...

    def events(self, times_ns: pl.Series, faces: Sequence[bytes], attributes: Sequence[bytes]) -> list[bytes]:
        """Return events."""
        ...

    def links(
        self, trace_ids: pl.Series, span_ids: pl.Series, faces: Sequence[bytes], attributes: Sequence[bytes]
    ) -> list[bytes]:
        """Return links; ids are hexadecimal."""
        ...

    def spans(
        self,
        rows: pl.DataFrame,
        faces: Sequence[bytes],
        attributes: Sequence[bytes],
        events: Sequence[bytes],
        links: Sequence[bytes],
    ) -> list[bytes]:
        """Return spans, their ids and times taken from ``rows``."""
        ...

    def resource(self, attributes: bytes) -> bytes:
        """Return a resource."""
        ...

    def scope(self, name: str | None, version: str | None, attributes: bytes) -> bytes:
        """Return an instrumentation scope."""
        ...

    def scope_spans(self, scope: bytes, spans: Sequence[bytes]) -> bytes:
        """Return the spans of one scope."""
        ...

    def resource_spans(self, resource: bytes, scope_spans: Sequence[bytes]) -> bytes:
        """Return the spans of one resource."""
        ...

    def request(self, resource_spans: Sequence[bytes]) -> bytes:
        """Return a request as it stands in a file."""
        ...
