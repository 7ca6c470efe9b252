"""The OpenTelemetry SDK of one service: whose ids its traces get, and how its spans get to a file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from random import getrandbits
from threading import Lock
from typing import TYPE_CHECKING

from opentelemetry import baggage, propagate
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.context import Context
from opentelemetry.propagators.composite import CompositePropagator
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace import Span as SdkSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import Link, Span, SpanKind, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from fluo_lab.worlds.http import scope_of
from fluo_lab.worlds.ids import trace_id_of
from fluo_lab.worlds.live.otlp import encode_json_line, encode_request
from fluo_lab.worlds.live.requests import LiveError
from fluo_lab.worlds.world import Deployment, Run

if TYPE_CHECKING:
    from opentelemetry.util._decorator import _AgnosticContextManager
    from opentelemetry.util.types import Attributes

__all__ = ["PART", "VISIT", "FileExporter", "QuietTracer", "Telemetry", "visit_and_part"]

VISIT = "fluo.visit"
"""Baggage entry with the number of the visit."""

PART = "fluo.part"
"""Baggage entry with the number of the visit's trace."""

_BATCH = 256
_MOST_QUEUED = 1 << 24
_EXCEPTION_KEYS = {"exception.type", "exception.message"}


def visit_and_part(context: Context | None = None) -> tuple[int, int]:
    """Return the visit and the part of it that a context (by default the current one) belongs to.

    Raises
    ------
    LiveError
        It belongs to none.
    """
    visit = baggage.get_baggage(VISIT, context)
    part = baggage.get_baggage(PART, context)
    if not isinstance(visit, str) or not isinstance(part, str):
        raise LiveError(
            "there is no request whose context this code runs in: start threads with service.side_by_side or "
            "service.later, which hand the context on"
        )
    return int(visit), int(part)


class _VisitIds(IdGenerator):
    """Trace ids that depend on the visit alone; span ids by chance."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def generate_span_id(self) -> int:
        return getrandbits(64) or 1

    def generate_trace_id(self) -> int:
        visit, part = visit_and_part()
        return trace_id_of(self._run.chance(visit), part=part)


class QuietTracer(Tracer):
    """A tracer whose spans note an exception only when they are told to.

    What the SDK would note by itself holds stack traces, and so paths of the machine it runs on.
    """

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer

    def start_span(
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        start_time: int | None = None,
        record_exception: bool = False,
        set_status_on_exception: bool = False,
    ) -> Span:
        """Return a new span that is not the current one."""
        return self._tracer.start_span(
            name, context, kind, attributes, links, start_time, record_exception, set_status_on_exception
        )

    def start_as_current_span(
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        start_time: int | None = None,
        record_exception: bool = False,
        set_status_on_exception: bool = False,
        end_on_exit: bool = True,
    ) -> _AgnosticContextManager[Span]:
        """Return a context in which a new span is the current one."""
        return self._tracer.start_as_current_span(
            name, context, kind, attributes, links, start_time, record_exception, set_status_on_exception, end_on_exit
        )


class _Count(SpanProcessor):
    """How many spans have been started and ended."""

    def __init__(self) -> None:
        self._lock = Lock()
        self.n_started = 0
        self.n_ended = 0

    def on_start(self, span: SdkSpan, parent_context: Context | None = None) -> None:
        with self._lock:
            self.n_started += 1

    def on_end(self, span: ReadableSpan) -> None:
        with self._lock:
            self.n_ended += 1


class FileExporter(SpanExporter):
    """Writes spans to a file, one OTLP request in JSON a line.

    Parameters
    ----------
    path
        The file; made anew.
    clock_offset_us
        Added to all times, in microseconds: how far the service's clock is ahead.
    """

    def __init__(self, path: Path, *, clock_offset_us: int) -> None:
        self._file = path.open("wb")
        self._offset_ns = clock_offset_us * 1000
        self._lost: set[int] = set()
        self.n_written = 0
        self.n_lost = 0
        self.failure: BaseException | None = None

    def lose(self, span: Span) -> None:
        """Let a span that has not been exported be dropped."""
        self._lost.add(span.get_span_context().span_id)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Write a batch of spans."""
        kept = [span for span in spans if span.context is not None and span.context.span_id not in self._lost]
        self.n_lost += len(spans) - len(kept)
        try:
            if kept:
                self._file.write(self._encode(kept))
        except Exception as error:
            # The SDK would only log it, and the file would lack spans: kept for the end of the run.
            self.failure = self.failure or error
            return SpanExportResult.FAILURE
        self.n_written += len(kept)
        return SpanExportResult.SUCCESS

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Hand what is written on to the operating system."""
        self._file.flush()
        return True

    def shutdown(self) -> None:
        """Close the file."""
        self._file.close()

    def _encode(self, spans: Sequence[ReadableSpan]) -> bytes:
        request = encode_request(spans)
        for resource_spans in request.resource_spans:
            for scope_spans in resource_spans.scope_spans:
                for span in scope_spans.spans:
                    span.start_time_unix_nano += self._offset_ns
                    span.end_time_unix_nano += self._offset_ns
                    for event in span.events:
                        event.time_unix_nano += self._offset_ns
                        if event.name == "exception":
                            # Stack traces hold paths of this machine.
                            kept = [one for one in event.attributes if one.key in _EXCEPTION_KEYS]
                            del event.attributes[:]
                            event.attributes.extend(kept)
        return encode_json_line(request)


class Telemetry:
    """The SDK of one deployment.

    Parameters
    ----------
    run, deployment
        What runs.
    path
        The file its spans are written to.
    """

    def __init__(self, run: Run, deployment: Deployment, path: Path) -> None:
        propagate.set_global_textmap(CompositePropagator([TraceContextTextMapPropagator(), W3CBaggagePropagator()]))
        unlimited = SpanLimits.UNSET
        self.provider = TracerProvider(
            sampler=ALWAYS_ON,
            resource=Resource(deployment.resource),
            shutdown_on_exit=False,
            id_generator=_VisitIds(run),
            span_limits=SpanLimits(
                max_span_attributes=unlimited,
                max_attributes=unlimited,
                max_events=unlimited,
                max_links=unlimited,
                max_attribute_length=unlimited,
                max_span_attribute_length=unlimited,
            ),
        )
        self.exporter = FileExporter(path, clock_offset_us=deployment.clock_offset_us)
        self._count = _Count()
        self.provider.add_span_processor(self._count)
        self.provider.add_span_processor(
            # The queue drops what does not fit, so everything must.
            BatchSpanProcessor(self.exporter, max_queue_size=_MOST_QUEUED, max_export_batch_size=_BATCH)
        )
        self.tracer = QuietTracer(self.provider.get_tracer(scope_of(run.world.name)))

    def close(self) -> dict[str, int]:
        """Write all spans that have ended, close the file, and return how many were written and how many lost.

        Raises
        ------
        LiveError
            Spans have not ended, or could not be written.
        """
        self.provider.shutdown()
        count, exporter = self._count, self.exporter
        if exporter.failure is not None:
            raise LiveError(f"spans could not be written: {exporter.failure}") from exporter.failure
        if count.n_started != count.n_ended:
            raise LiveError(f"{count.n_started - count.n_ended} of {count.n_started} spans were started and not ended")
        if exporter.n_written + exporter.n_lost != count.n_ended:
            raise LiveError(f"of {count.n_ended} spans, only {exporter.n_written + exporter.n_lost} were exported")
        return {"n_spans": exporter.n_written, "n_lost": exporter.n_lost}
