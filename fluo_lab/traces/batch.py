"""What a reader delivers: a batch of spans in columns, not yet sorted, joined or dictionary-coded."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fluo_lab.traces.schema import ATTRIBUTE_ROWS, EVENTS, LINKS, RAW_SPANS, SCOPES

__all__ = ["AttributeRows", "CodedRows", "SpanBatch", "numbers_of_kept"]

Mask = NDArray[np.bool_]


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

    def of(self, kept: Mask) -> AttributeRows:
        """Return the rows of the kept owners, renumbered."""
        owner = self.frame["owner"].to_numpy()
        here = kept[owner]
        number = pl.Series("owner", numbers_of_kept(kept)[owner[here]])
        return replace(self, frame=self.frame.filter(pl.Series(here)).with_columns(number))


@dataclass(frozen=True, slots=True)
class CodedRows:
    """Attributes of some owners, each a code into a table of distinct attributes: systems repeat themselves.

    Attributes
    ----------
    owner, code
        One entry an attribute: the owner, and the row of ``values``. Of a key that an owner carries twice the last
        entry wins.
    values
        The distinct attributes; their own ``owner`` means nothing.
    """

    owner: NDArray[np.uint32]
    code: NDArray[np.uint32]
    values: AttributeRows

    @property
    def frame(self) -> pl.DataFrame:
        """The rows written out, schema ``ATTRIBUTE_ROWS``."""
        return self.values.frame[self.code].with_columns(pl.Series("owner", self.owner))

    @property
    def keys(self) -> pl.Series:
        """Strings that the codes in ``key`` point into."""
        return self.values.keys

    @property
    def texts(self) -> pl.Series:
        """Strings that the codes in ``text`` point into."""
        return self.values.texts

    def of(self, kept: Mask) -> CodedRows:
        """Return the attributes of the kept owners, renumbered."""
        here = kept[self.owner]
        return CodedRows(numbers_of_kept(kept)[self.owner[here]], self.code[here], self.values)


def numbers_of_kept(kept: Mask) -> NDArray[np.uint32]:
    """Return for every row its number among the kept ones."""
    return (np.cumsum(kept) - kept).astype(np.uint32)


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
    attributes: AttributeRows | CodedRows = field(default_factory=AttributeRows)
    n_resources: int = 0
    resource_attributes: AttributeRows | CodedRows = field(default_factory=AttributeRows)
    scopes: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=SCOPES))
    scope_attributes: AttributeRows | CodedRows = field(default_factory=AttributeRows)
    events: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=EVENTS))
    event_attributes: AttributeRows | CodedRows = field(default_factory=AttributeRows)
    links: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=LINKS))
    link_attributes: AttributeRows | CodedRows = field(default_factory=AttributeRows)

    def __post_init__(self) -> None:
        for name, frame, schema in (
            ("spans", self.spans, RAW_SPANS),
            ("scopes", self.scopes, SCOPES),
            ("events", self.events, EVENTS),
            ("links", self.links, LINKS),
        ):
            if frame.schema != schema:
                raise TypeError(f"{name} has the schema {frame.schema}, expected {schema}")

    def of(self, kept: Mask) -> SpanBatch:
        """Return the batch of the kept spans, shape ``(n_spans,)``; resources and scopes stay as they are."""
        has_event = kept[self.events["span"].to_numpy()]
        has_link = kept[self.links["span"].to_numpy()]
        number = numbers_of_kept(kept)
        return replace(
            self,
            spans=self.spans.filter(pl.Series(kept)),
            attributes=self.attributes.of(kept),
            events=_hung_on(self.events, has_event, number),
            event_attributes=self.event_attributes.of(has_event),
            links=_hung_on(self.links, has_link, number),
            link_attributes=self.link_attributes.of(has_link),
        )


def _hung_on(frame: pl.DataFrame, kept: Mask, number: NDArray[Any]) -> pl.DataFrame:
    """Return the kept events or links with their spans renumbered."""
    rows = frame.filter(pl.Series(kept))
    return rows.with_columns(pl.Series("span", number[rows["span"].to_numpy()]))
