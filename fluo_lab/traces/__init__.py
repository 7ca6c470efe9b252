"""What we look at: spans in columns, their attributes, their structure, and what is missing.

The frames, the immutable ``Traces`` store, the builder readers feed, selection, and our own Parquet file. This room
knows neither rules nor the formats of other people's files.
"""

from fluo_lab.traces.attributes import AttributeGroup, AttributeTable
from fluo_lab.traces.batch import AttributeRows, CodedRows, SpanBatch
from fluo_lab.traces.buckets import read_buckets
from fluo_lab.traces.build import TracesBuilder
from fluo_lab.traces.dictionary import Dictionary
from fluo_lab.traces.findings import Findings, Repair, RepairRecord
from fluo_lab.traces.plain import PlainEvent, PlainSpan, traces_from_spans
from fluo_lab.traces.problems import PROBLEMS, Problem
from fluo_lab.traces.repair import repair
from fluo_lab.traces.schema import SpanKind, StatusCode, ValueType
from fluo_lab.traces.store import Trace, Traces
from fluo_lab.traces.structure import Structure
from fluo_lab.traces.tables import Input
from fluo_lab.traces.values import text_of

__all__ = [
    "PROBLEMS",
    "AttributeGroup",
    "AttributeRows",
    "AttributeTable",
    "CodedRows",
    "Dictionary",
    "Findings",
    "Input",
    "PlainEvent",
    "PlainSpan",
    "Problem",
    "Repair",
    "RepairRecord",
    "SpanBatch",
    "SpanKind",
    "StatusCode",
    "Structure",
    "Trace",
    "Traces",
    "TracesBuilder",
    "ValueType",
    "read_buckets",
    "repair",
    "text_of",
    "traces_from_spans",
]
