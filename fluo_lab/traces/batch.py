"""What a reader delivers: a batch of spans in columns, not yet sorted, joined or dictionary-coded."""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl

from fluo_lab.traces.schema import ATTRIBUTE_ROWS, EVENTS, LINKS, RAW_SPANS, SCOPES

__all__ = ["AttributeRows", "SpanBatch"]


@dataclass(frozen=True, slots=True)
class AttributeRows:
    """Attributes of some owners, one row each, with the dictionaries of their keys and texts.

    Attributes
    ----------
    frame
        Schema ``ATTRIBUTE_ROWS``. A key that an owner carries twice counts once: the last row wins.
    keys, texts
        Strings that the codes in ``key`` and ``text`` point into; no nulls, repeats allowed.
    """

    frame: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=ATTRIBUTE_ROWS))
    keys: pl.Series = field(default_factory=lambda: pl.Series([], dtype=pl.String))
    texts: pl.Series = field(default_factory=lambda: pl.Series([], dtype=pl.String))


@dataclass(frozen=True, slots=True)
class SpanBatch:
    """Some spans with everything that hangs on them.

    Attributes
    ----------
    spans
        Schema ``RAW_SPANS``; ``resource`` and ``scope`` are rows of this batch's own tables.
    attributes, resource_attributes, scope_attributes, event_attributes, link_attributes
        ``owner`` is a row of ``spans``, a resource number below ``n_resources``, a row of ``scopes``, ``events``
        or ``links``.
    scopes, events, links
        Schemas ``SCOPES``, ``EVENTS``, ``LINKS``.
    """

    spans: pl.DataFrame
    attributes: AttributeRows = field(default_factory=AttributeRows)
    n_resources: int = 0
    resource_attributes: AttributeRows = field(default_factory=AttributeRows)
    scopes: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=SCOPES))
    scope_attributes: AttributeRows = field(default_factory=AttributeRows)
    events: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=EVENTS))
    event_attributes: AttributeRows = field(default_factory=AttributeRows)
    links: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=LINKS))
    link_attributes: AttributeRows = field(default_factory=AttributeRows)

    def __post_init__(self) -> None:
        for name, frame, schema in (
            ("spans", self.spans, RAW_SPANS),
            ("scopes", self.scopes, SCOPES),
            ("events", self.events, EVENTS),
            ("links", self.links, LINKS),
        ):
            if frame.schema != schema:
                raise TypeError(f"{name} has the schema {frame.schema}, expected {schema}")
