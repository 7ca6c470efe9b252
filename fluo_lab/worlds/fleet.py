"""A fleet of service instances under the real OpenTelemetry SDK, with a simulated clock and seeded ids."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanLimits, SpanProcessor, Tracer, TracerProvider
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    set_span_in_context,
)

from fluo_lab.errors import UsageError

__all__ = ["Attributes", "Fleet", "Instance", "Step"]

Attributes = Mapping[str, str | int | float | bool | Sequence[str]]
"""Attribute values by name, as flows give them."""


@dataclass(frozen=True, slots=True)
class Instance:
    """One running copy of a service.

    Attributes
    ----------
    service, version, host
        Become ``service.name``, ``service.version`` and ``service.instance.id``.
    flush_every_ns
        How often it exports the spans that have ended.
    """

    service: str
    version: str
    host: str
    flush_every_ns: int


class _SeededIds(IdGenerator):
    """Trace and span ids drawn from one seeded generator."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng

    def generate_span_id(self) -> int:
        return self._rng.getrandbits(64) or 1

    def generate_trace_id(self) -> int:
        return self._rng.getrandbits(128) or 1


class _Ended(SpanProcessor):
    """Keeps the spans of one instance as they end."""

    def __init__(self) -> None:
        self.spans: list[ReadableSpan] = []

    def on_end(self, span: ReadableSpan) -> None:
        self.spans.append(span)


class Fleet:
    """Service instances, each with a tracer provider of its own, as separate processes would have.

    Parameters
    ----------
    instances
        The instances by the key that flows use for them.
    rng
        Source of ids; the same state gives the same ids.

    Raises
    ------
    UsageError
        The SDK is switched off by the environment, so that no span would be recorded.
    """

    def __init__(self, instances: Mapping[str, Instance], *, rng: Random) -> None:
        ids = _SeededIds(rng)
        self.instances = dict(instances)
        self._ended: dict[str, _Ended] = {}
        self._tracers: dict[str, Tracer] = {}
        for key, instance in self.instances.items():
            ended = self._ended[key] = _Ended()
            provider = TracerProvider(
                # Everything the environment could set is said here, so that it cannot change the bytes.
                sampler=ALWAYS_ON,
                resource=Resource(_describe(instance)),
                shutdown_on_exit=False,
                id_generator=ids,
                span_limits=SpanLimits(
                    max_span_attributes=SpanLimits.UNSET,
                    max_attributes=SpanLimits.UNSET,
                    max_events=SpanLimits.UNSET,
                    max_links=SpanLimits.UNSET,
                    max_attribute_length=SpanLimits.UNSET,
                    max_span_attribute_length=SpanLimits.UNSET,
                ),
            )
            provider.add_span_processor(ended)
            tracer = provider.get_tracer(f"{instance.service}.app", "2.3.0")
            if not isinstance(tracer, Tracer):
                raise UsageError(
                    "the OpenTelemetry SDK records nothing here: unset OTEL_SDK_DISABLED and simulate again"
                )
            self._tracers[key] = tracer

    def start(
        self,
        key: str,
        name: str,
        at_ns: int,
        *,
        parent: SpanContext | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Attributes | None = None,
        links: Sequence[SpanContext] = (),
    ) -> Span:
        """Return a new open span of the instance, started at the given nanosecond."""
        context = set_span_in_context(NonRecordingSpan(parent)) if parent else None
        span = self._tracers[key].start_span(
            name,
            context=context,
            kind=kind,
            attributes={**_locate(key, name), **(attributes or {})},
            links=[Link(link) for link in links],
            start_time=at_ns,
        )
        if not isinstance(span, Span):
            raise UsageError(f"the OpenTelemetry SDK did not record span {name!r} of {key!r}")
        return span

    def export(self) -> Iterator[tuple[ReadableSpan, ...]]:
        """Yield every instance's batches, all in order of the moment they leave.

        A batch holds the spans of one instance that ended between two of its flushes.
        """
        batches: dict[tuple[int, int], list[ReadableSpan]] = {}
        for place, (key, instance) in enumerate(self.instances.items()):
            period = instance.flush_every_ns
            for span in self._ended[key].spans:
                flushed_ns = ((span.end_time or 0) // period + 1) * period
                batches.setdefault((flushed_ns, place), []).append(span)
        for moment in sorted(batches):
            yield tuple(sorted(batches[moment], key=lambda span: span.end_time or 0))


def _locate(key: str, name: str) -> dict[str, str]:
    """Return where in the code a span comes from, as an instrumentation library would say."""
    module = key.partition("-")[0]
    function = "".join(c if c.isalnum() else "_" for c in name.lower()).strip("_")
    return {"code.function.name": f"shop.{module}.{function}", "code.file.path": f"/srv/shop/{module}/app.py"}


def _describe(instance: Instance) -> dict[str, str]:
    return {
        "service.name": instance.service,
        "service.version": instance.version,
        "service.namespace": "shop",
        "service.instance.id": f"{instance.service}-{instance.host}",
        "deployment.environment.name": "production",
        "cloud.region": "eu-central-1",
        "telemetry.sdk.language": "python",
        "telemetry.sdk.name": "opentelemetry",
    }


class Step:
    """One open span and the moment its work has reached.

    Flows read like the code they imitate: ``with step.child(…) as inner: inner.work(…)``. Leaving the block
    ends the span at its own moment and, unless the work was left running, brings the outer step there too.
    """

    def __init__(self, fleet: Fleet, rng: Random, key: str, span: Span, now_ns: int) -> None:
        self._fleet = fleet
        self._rng = rng
        self.key = key
        self.span = span
        self.now_ns = now_ns
        self.http_status = 200

    @property
    def context(self) -> SpanContext:
        """The span's own context, as a process on the same side sees it."""
        return self.span.get_span_context()

    def work(self, low_us: int, high_us: int) -> None:
        """Let time pass: mostly near the lower bound, seldom near the upper one, in whole microseconds."""
        share = self._rng.random()
        # Products of floats are exact everywhere; a library's exp or log need not be.
        self.now_ns += (low_us + int((high_us - low_us) * share * share * share)) * 1000

    def note(self, **attributes: str | int | float | bool | Sequence[str]) -> None:
        """Set attributes; two underscores in a keyword stand for a dot."""
        for key, value in attributes.items():
            self.span.set_attribute(key.replace("__", "."), value)

    def fail(self, kind: str, message: str) -> None:
        """Record an exception at this moment and mark the span as failed."""
        self.span.add_event(
            "exception",
            {"exception.type": kind, "exception.message": message, "exception.escaped": "False"},
            timestamp=self.now_ns,
        )
        self.span.set_status(Status(StatusCode.ERROR, message))

    @contextmanager
    def child(
        self,
        name: str,
        *,
        key: str | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Attributes | None = None,
        links: Sequence[SpanContext] = (),
        is_detached: bool = False,
    ) -> Iterator[Step]:
        """Run a child span that starts now.

        Parameters
        ----------
        name, kind, attributes, links
            The span's own.
        key
            Instance that runs it; another one than this step's makes the parent a remote one.
        is_detached
            The step goes on without waiting, so the child may end later than its parent.
        """
        key = key or self.key
        parent = self.context if key == self.key else _remote(self.context)
        span = self._fleet.start(key, name, self.now_ns, parent=parent, kind=kind, attributes=attributes, links=links)
        inner = Step(self._fleet, self._rng, key, span, self.now_ns)
        yield inner
        span.end(end_time=inner.now_ns)
        if not is_detached:
            self.now_ns = max(self.now_ns, inner.now_ns)

    @contextmanager
    def call(self, key: str, method: str, route: str) -> Iterator[Step]:
        """Run an HTTP call to another instance: a client span here, a server span there.

        The flow sets ``http_status`` on the step it gets to answer with anything but 200.
        """
        service = self._fleet.instances[key].service
        client: Attributes = {
            "http.request.method": method,
            "server.address": f"{service}.shop.svc",
            "server.port": 8080,
            "url.full": f"http://{service}.shop.svc:8080{route}",
            "network.protocol.version": "1.1",
        }
        server: Attributes = {
            "http.request.method": method,
            "http.route": route,
            "url.scheme": "http",
            "url.path": route,
            "server.address": f"{service}.shop.svc",
            "client.address": f"{self.key}.shop.svc",
        }
        with self.child(method, kind=SpanKind.CLIENT, attributes=client) as outer:
            outer.work(150, 2_500)
            with outer.child(f"{method} {route}", key=key, kind=SpanKind.SERVER, attributes=server) as inner:
                inner.work(80, 900)
                yield inner
                inner.work(40, 400)
                inner.span.set_attribute("http.response.status_code", inner.http_status)
            outer.work(100, 2_000)
            outer.span.set_attribute("http.response.status_code", inner.http_status)


def _remote(context: SpanContext) -> SpanContext:
    return SpanContext(context.trace_id, context.span_id, is_remote=True, trace_flags=context.trace_flags)
