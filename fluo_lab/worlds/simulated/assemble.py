"""From the steps of a flow to the batch of spans a store is built from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fluo_lab.traces import SpanBatch
from fluo_lab.traces.schema import EVENTS, LINKS, RAW_SPANS, SCOPES, SpanKind, StatusCode
from fluo_lab.worlds.ids import trace_ids_of
from fluo_lab.worlds.simulated.attributes import AttributeGatherer
from fluo_lab.worlds.simulated.flow import Flow
from fluo_lab.worlds.simulated.step import Step
from fluo_lab.worlds.simulated.values import hex_texts

__all__ = ["assemble"]

_SAMPLED = 0x1
_HAS_IS_REMOTE = 0x100
_IS_REMOTE = 0x200


@dataclass(frozen=True, slots=True)
class _Block:
    """The spans of one step: the visits that have one, and the row of the first."""

    step: Step
    visits: NDArray[np.int64]
    first: int

    @property
    def rows(self) -> NDArray[np.int64]:
        """Rows of the spans."""
        return np.arange(self.first, self.first + len(self.visits))

    def rows_of(self, visits: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the rows of some of the visits."""
        return self.first + np.searchsorted(self.visits, visits)


def assemble(flow: Flow) -> SpanBatch | None:
    """Return all spans of a flow, or None when it has none."""
    blocks = []
    n = 0
    for step in flow.steps:
        is_there = step.where if step.lost is None else step.where & ~step.lost
        visits = np.flatnonzero(is_there)
        if len(visits):
            blocks.append(_Block(step, visits, n))
            n += len(visits)
    if not blocks:
        return None
    deployments = {one.key: one for one in flow.run.world.deployments}
    number = {key: i for i, key in enumerate(deployments)}
    offset_ns = {key: one.clock_offset_us * 1000 for key, one in deployments.items()}
    scopes = sorted({block.step.scope for block in blocks})
    resource_attributes = AttributeGatherer()
    for key, one in deployments.items():
        for name, text in one.resource.items():
            resource_attributes.add(name, text, np.array([number[key]]), np.zeros(1, dtype=np.int64))
    attributes = AttributeGatherer()
    for block in blocks:
        for key, value in block.step.attributes:
            attributes.add(key, value, block.rows, block.visits)
    events, event_attributes = _events(blocks, offset_ns)
    return SpanBatch(
        spans=_spans(flow, blocks, number, {scope: i for i, scope in enumerate(scopes)}, offset_ns),
        attributes=attributes.finish(),
        n_resources=len(deployments),
        resource_attributes=resource_attributes.finish(),
        scopes=pl.DataFrame({"name": scopes, "version": [None] * len(scopes)}, schema=SCOPES),
        events=events,
        event_attributes=event_attributes.finish(),
        links=_links(flow, blocks),
    )


def _spans(
    flow: Flow, blocks: list[_Block], number: dict[str, int], scope: dict[str, int], offset_ns: dict[str, int]
) -> pl.DataFrame:
    parts = {block.step.part for block in blocks}
    trace_ids = {part: trace_ids_of(flow.chances, part=part) for part in parts}
    status, message = _status(blocks)
    parents = np.concatenate([block.step.parent_ids[block.visits] for block in blocks])
    has_parent = _each(blocks, [block.step.parent is not None for block in blocks], np.bool_)
    n = len(parents)
    name = pl.Series([block.step.name for block in blocks]).gather(_each(blocks, range(len(blocks)), np.uint32))
    nothing = np.zeros(n, dtype=np.uint32)
    columns: dict[str, Any] = {
        "trace_id": hex_texts(np.concatenate([trace_ids[block.step.part][block.visits] for block in blocks])),
        "span_id": hex_texts(np.concatenate([block.step.ids[block.visits] for block in blocks])),
        "parent_span_id": pl.select(
            pl.when(pl.Series(has_parent)).then(hex_texts(parents)).otherwise(None)
        ).to_series(),
        "name": name,
        "kind": _each(blocks, [block.step.kind for block in blocks], np.uint8),
        "status": status,
        "status_message": message,
        "start_ns": np.concatenate(
            [block.step.start_ns[block.visits] + offset_ns[block.step.deployment] for block in blocks]
        ),
        "end_ns": np.concatenate(
            [block.step.now_ns[block.visits] + offset_ns[block.step.deployment] for block in blocks]
        ),
        "resource": _each(blocks, [number[block.step.deployment] for block in blocks], np.uint32),
        "scope": _each(blocks, [scope[block.step.scope] for block in blocks], np.uint32),
        "trace_state": pl.repeat(None, n, dtype=pl.String, eager=True),
        "flags": _each(blocks, [_flags(block.step) for block in blocks], np.uint32),
        "dropped_attributes": nothing,
        "dropped_events": nothing,
        "dropped_links": nothing,
    }
    return pl.DataFrame(columns, schema=RAW_SPANS)


def _each(blocks: list[_Block], values: Any, dtype: type[np.generic]) -> NDArray[Any]:
    """Return one value a block, repeated for each of its spans."""
    return np.repeat(np.array(list(values), dtype=dtype), [len(block.visits) for block in blocks])


def _flags(step: Step) -> int:
    is_remote = step.parent is not None and step.kind in (SpanKind.SERVER, SpanKind.CONSUMER)
    return _SAMPLED | _HAS_IS_REMOTE | (_IS_REMOTE if is_remote else 0)


def _status(blocks: list[_Block]) -> tuple[NDArray[np.uint8], pl.Series]:
    """Return the status code of each span, and the message where there is one; the last failure counts."""
    codes = []
    texts: list[str] = [""]
    messages = []
    for block in blocks:
        code = np.full(len(block.visits), StatusCode.UNSET, dtype=np.uint8)
        message = np.zeros(len(block.visits), dtype=np.uint32)
        for where, text in block.step.failures:
            here = where[block.visits]
            code[here] = StatusCode.ERROR
            message[here] = len(texts) if text else 0
            texts.append(text)
        codes.append(code)
        messages.append(message)
    named = pl.Series([text or None for text in texts], dtype=pl.String)
    return np.concatenate(codes), named.gather(np.concatenate(messages))


def _events(blocks: list[_Block], offset_ns: dict[str, int]) -> tuple[pl.DataFrame, AttributeGatherer]:
    attributes = AttributeGatherer()
    frames = [pl.DataFrame(schema=EVENTS)]
    n = 0
    for block in blocks:
        for event in block.step.events:
            visits = block.visits[event.where[block.visits]]
            frames.append(
                pl.DataFrame(
                    {
                        "span": block.rows_of(visits).astype(np.uint32),
                        "name": pl.repeat(event.name, len(visits), dtype=pl.String, eager=True),
                        "time_ns": event.time_ns[visits] + offset_ns[block.step.deployment],
                        "dropped_attributes": np.zeros(len(visits), dtype=np.uint32),
                    },
                    schema=EVENTS,
                )
            )
            for key, value in event.attributes.items():
                attributes.add(key, value, np.arange(n, n + len(visits)), visits)
            n += len(visits)
    return pl.concat(frames), attributes


def _links(flow: Flow, blocks: list[_Block]) -> pl.DataFrame:
    frames = [pl.DataFrame(schema=LINKS)]
    for block in blocks:
        if not block.step.is_linked_to_parent:
            continue
        n = len(block.visits)
        trace_ids = trace_ids_of(flow.chances, part=block.step.part)
        frames.append(
            pl.DataFrame(
                {
                    "span": block.rows.astype(np.uint32),
                    "trace_id": hex_texts(trace_ids[block.visits]),
                    "span_id": hex_texts(block.step.parent_ids[block.visits]),
                    "trace_state": pl.repeat(None, n, dtype=pl.String, eager=True),
                    "flags": np.full(n, _SAMPLED | _HAS_IS_REMOTE | _IS_REMOTE, dtype=np.uint32),
                    "dropped_attributes": np.zeros(n, dtype=np.uint32),
                },
                schema=LINKS,
            )
        )
    return pl.concat(frames)
