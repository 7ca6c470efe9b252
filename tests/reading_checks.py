"""What must hold of every reading, whatever the file: a sound store or one clear error, and nothing lost in silence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import orjson
from golden import GOLDEN

from fluo_lab.errors import InputError
from fluo_lab.readers import read_traces
from fluo_lab.traces import Traces, ValueType

__all__ = ["Reading", "check_sound", "read_bytes", "read_golden"]

Cells = dict[tuple[str, ValueType], Any]
_NEVER_NULL = ("trace_id", "span_id", "name", "service", "kind", "status", "start_ns", "end_ns")


@dataclass(frozen=True)
class Reading:
    """What a file gave.

    Attributes
    ----------
    spans
        By name of the span, each with all its values and their types.
    problems
        Counts by kind.
    error
        Why nothing was read, or None.
    """

    spans: Mapping[str, list[dict[str, Any]]]
    problems: Counter[str]
    error: str | None = None

    @property
    def n_spans(self) -> int:
        """How many spans there are."""
        return sum(map(len, self.spans.values()))

    @property
    def n_values(self) -> int:
        """How many attributes, events and links there are."""
        return sum(
            len(span["attributes"])
            + len(span["resource"])
            + len(span["scope"])
            + sum(1 + len(e[1]) for e in span["hung"])
            for spans in self.spans.values()
            for span in spans
        )


def read_bytes(path: Path, data: bytes) -> Reading:
    """Write a file and read it; fail where the store is not sound or the error does not name the file."""
    path.write_bytes(data)
    try:
        traces = read_traces(path)
    except InputError as error:
        message = str(error)
        assert message.startswith(f"{path}: "), message
        return Reading({}, Counter(), message)
    check_sound(traces)
    problems = Counter({row["what"]: row["n"] for row in traces.problems.iter_rows(named=True)})
    return Reading(_plain_spans(traces), problems)


@cache
def read_golden(name: str, folder: Path) -> Reading:
    """Return the reading of a golden file as it is."""
    return read_bytes(folder / "file", GOLDEN[name].data)


def check_sound(traces: Traces) -> None:
    """Fail where a store lacks what every span has, or its tables do not fit one another."""
    spans = traces.spans
    assert spans.height == traces.n_spans == traces.traces["n_spans"].sum()
    nulls = {name: spans[name].null_count() for name in _NEVER_NULL}
    assert not any(nulls.values()), nulls
    assert not spans.select((spans["trace_id"] == "") | (spans["span_id"] == "")).to_series().any()
    assert traces.traces["trace_id"].to_list() == spans["trace_id"].unique(maintain_order=True).to_list()
    structure = traces.structure
    assert len(structure.depth) == len(structure.preorder) == len(structure.subtree_size) == spans.height
    assert traces.events.null_count().sum_horizontal().item() == 0
    assert repr(traces)


def _plain_spans(traces: Traces) -> dict[str, list[dict[str, Any]]]:
    """Return the spans by name with everything that hangs on them."""
    hung: dict[int, list[Any]] = {}
    for name, table, codes in (
        ("event", traces.event_table, traces.event_table.frame["name"].to_list()),
        ("link", traces.link_table, [0] * traces.link_table.frame.height),
    ):
        for row, values in enumerate(table.frame.iter_rows(named=True)):
            shown = traces.event_table.names.values[values["name"]] if name == "event" else name
            attributes = _typed(traces, table.attributes.values_of(row, codes[row]))
            values |= {"name": shown}
            hung.setdefault(values.pop("span"), []).append((values, attributes))
    own = traces.table.drop("trace", "name", "service", "resource", "scope", "parent_row")
    found: dict[str, list[dict[str, Any]]] = {}
    names = zip(traces.spans["trace_id"], traces.spans["name"], traces.spans["service"], strict=True)
    tables = traces.table.select("name", "resource", "scope").rows()
    for row, (values, (trace, name, service), (code, resource, scope)) in enumerate(
        zip(own.iter_rows(named=True), names, tables, strict=True)
    ):
        values |= {"trace_id": trace, "service": service, "hung": hung.get(row, [])}
        values["attributes"] = _typed(traces, traces.attribute_table.values_of(row, code))
        values["resource"] = _typed(traces, traces.resource_table.attributes.values_of(resource, 0))
        scope_attributes = _typed(traces, traces.scope_table.attributes.values_of(scope, 0))
        values["scope"] = {**scope_attributes, "": traces.scope_table.frame.row(scope)}
        found.setdefault(name, []).append(values)
    return found


def _typed(traces: Traces, cells: Cells) -> dict[str, tuple[str, str]]:
    """Return attributes with the names of their types; what should be JSON or base64 must be."""
    traces.decode(cells)
    texts = traces.text_dictionary.values
    found = {}
    for (key, value_type), value in cells.items():
        shown = texts[value] if value_type.is_textual else repr(value)
        if value_type in (ValueType.ARRAY, ValueType.KVLIST):
            assert isinstance(orjson.loads(shown), list if value_type is ValueType.ARRAY else dict)
        found[key] = (value_type.name, shown)
    return found
