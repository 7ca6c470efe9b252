"""One span of each of many visits, while it runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fluo_lab.traces.schema import SpanKind
from fluo_lab.worlds import http
from fluo_lab.worlds.simulated.values import Mask, Texts, Value, When, http_attributes

if TYPE_CHECKING:
    from fluo_lab.worlds.simulated.flow import Flow

__all__ = ["Event", "Step"]

Times = NDArray[np.int64]

_NETWORK_US = (80, 600)
_QUEUE_US = (2_000, 60_000)


@dataclass(frozen=True, slots=True, eq=False)
class Event:
    """A span event of some of the visits."""

    name: str
    where: Mask
    time_ns: Times
    attributes: Mapping[str, Value]


@dataclass(slots=True, eq=False)
class Step:
    """One span of each of many visits; all arrays are as long as the visits of its flow.

    Attributes
    ----------
    flow
        The visits.
    ordinal
        Its number in the flow; gives the spans their ids.
    name, deployment, scope, kind
        What the span is; ``deployment`` is a key.
    parent, part
        The span it hangs on, None for a root; which of a visit's traces it belongs to.
    where
        Which visits have it.
    start_ns, now_ns
        When it begins, and how far its work has got: at the end of its block that is its end.
    """

    flow: Flow
    ordinal: int
    name: str
    deployment: str
    scope: str
    kind: SpanKind
    parent: Step | None
    part: int
    where: Mask
    start_ns: Times
    now_ns: Times
    attributes: list[tuple[str, Value]] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    failures: list[tuple[Mask, str]] = field(default_factory=list)
    is_linked_to_parent: bool = False
    lost: Mask | None = None
    caller: Step | None = None
    is_given_up: Mask = field(default_factory=lambda: np.zeros(0, dtype=np.bool_))
    is_answered: bool = False

    @property
    def ids(self) -> NDArray[np.uint64]:
        """Span ids."""
        return self.flow.chances.bits("span id", turn=self.ordinal)

    @property
    def parent_ids(self) -> NDArray[np.uint64]:
        """Span ids of the parents; zeros for roots."""
        return np.zeros(len(self.where), dtype=np.uint64) if self.parent is None else self.parent.ids

    def work(self, what: str, low_us: int, high_us: int) -> None:
        """Let time pass: from ``low_us`` on, seldom as much as ``high_us``."""
        share = self.flow.chances.uniform(f"time of {what}", turn=self.flow.next_turn())
        self.now_ns += low_us * 1000 + (share * share * share * ((high_us - low_us) * 1000)).astype(np.int64)

    def note(self, key: str, value: Value, *, where: Mask | None = None) -> None:
        """Set an attribute, for all of its visits or some of them."""
        if where is not None:
            value = When(value.where & where, value.value) if isinstance(value, When) else When(where, value)
        self.attributes.append((key, value))

    def event(self, name: str, attributes: Mapping[str, Value] | None = None, *, where: Mask | None = None) -> None:
        """Add an event now."""
        here = self.where if where is None else self.where & where
        self.events.append(Event(name, here, self.now_ns.copy(), attributes or {}))

    def fail(self, error_type: str, message: str, *, where: Mask | None = None) -> None:
        """Set the status to error, and add an ``exception`` event."""
        here = self.where if where is None else self.where & where
        self.failures.append((here, message))
        self.event("exception", {"exception.type": error_type, "exception.message": message}, where=here)

    def lose(self, where: Mask) -> None:
        """Let the exporter drop these spans; what hangs on them becomes an orphan."""
        self.lost = where if self.lost is None else self.lost | where

    @contextmanager
    def span(
        self,
        name: str,
        *,
        where: Mask | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Mapping[str, Value] | None = None,
        at_ns: Times | None = None,
        is_detached: bool = False,
    ) -> Iterator[Step]:
        """Run a child span of the same deployment.

        Parameters
        ----------
        where
            Which of the visits have it; all by default.
        at_ns
            When it begins; by default now. Children that begin at one time run side by side.
        is_detached
            Whether this step goes on meanwhile; otherwise it waits for the child's end.
        """
        child = self.flow.start(
            name,
            deployment=self.deployment,
            scope=self.flow.scope,
            kind=kind,
            parent=self,
            where=self.where if where is None else self.where & where,
            start_ns=self.now_ns if at_ns is None else at_ns,
            attributes=attributes,
        )
        yield child
        if not is_detached:
            self._wait_for(child)

    def do(
        self,
        name: str,
        low_us: int,
        high_us: int,
        *,
        where: Mask | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Mapping[str, Value] | None = None,
        is_detached: bool = False,
    ) -> None:
        """Run a child span that only takes its time, as ``work`` would; the rest as for ``span``."""
        with self.span(name, where=where, kind=kind, attributes=attributes, is_detached=is_detached) as child:
            child.work(name, low_us, high_us)

    @contextmanager
    def call(
        self,
        to: str,
        method: str,
        route: str,
        *,
        path: str | Texts | pl.Series | None = None,
        where: Mask | None = None,
        at_ns: Times | None = None,
        is_detached: bool = False,
        timeout_s: float = 0.0,
        times_out: Mask | None = None,
    ) -> Iterator[Step]:
        """Run an HTTP request to another deployment: a client span here, and the server span that is yielded.

        Parameters
        ----------
        to
            Key of the other deployment.
        path
            The path with its values in place, where it differs from the route.
        where, at_ns, is_detached
            As for ``span``.
        timeout_s, times_out
            How long the caller waits, and the visits in which that is not long enough: there it goes on without an
            answer, while the other deployment works on.
        """
        at = route if path is None else path
        with self.span(
            http.client_name(method), where=where, kind=SpanKind.CLIENT, at_ns=at_ns, is_detached=is_detached
        ) as client:
            client.scope = http.CLIENT_SCOPE
            client.attributes += http_attributes(http.client_attributes(to, method, ""), http.CLIENT_PATH, at)
            client.work("network out", *_NETWORK_US)
            server = self.flow.start(
                http.server_name(method, route),
                deployment=to,
                scope=http.SERVER_SCOPE,
                kind=SpanKind.SERVER,
                parent=client,
                where=client.where,
                start_ns=client.now_ns,
            )
            server.attributes += http_attributes(
                http.server_attributes(to, self.deployment, method, route, ""), http.SERVER_PATH, at
            )
            server.caller = client
            server.is_given_up = self.flow.nobody() if times_out is None else times_out
            yield server
            server.finish()
            client._wait_for(server)
            client.work("network back", *_NETWORK_US)
            if times_out is not None:
                client._give_up(times_out, to, timeout_s)

    @contextmanager
    def publish(
        self, topic: str, *, to: str, attributes: Mapping[str, Value], where: Mask | None = None
    ) -> Iterator[Step]:
        """Send a message: a producer span here, and the consumer span of another deployment, which is yielded."""
        with self.span(
            http.message_name(topic, "publish"),
            where=where,
            kind=SpanKind.PRODUCER,
            attributes=http.message_attributes(topic, "publish") | dict(attributes),
        ) as producer:
            producer.work("publish", 100, 2_000)
        consumer = self.flow.start(
            http.message_name(topic, "process"),
            deployment=to,
            scope=self.flow.scope,
            kind=SpanKind.CONSUMER,
            parent=producer,
            where=producer.where,
            start_ns=producer.now_ns,
            attributes=http.message_attributes(topic, "process") | dict(attributes),
        )
        consumer.is_linked_to_parent = True
        consumer.wait("queue", *_QUEUE_US)
        yield consumer

    def wait(self, what: str, low_us: int, high_us: int) -> None:
        """Put the start off, as ``work`` would let time pass."""
        self.work(what, low_us, high_us)
        self.start_ns = self.now_ns.copy()

    def answer(self, status: int | NDArray[np.int64]) -> None:
        """Answer the request with a status code; codes that are errors mark this span and the caller's."""
        codes = np.broadcast_to(np.asarray(status, dtype=np.int64), self.where.shape)
        self.is_answered = True
        self._receive(codes, self.where, http.SERVER_ERROR)
        if self.caller is not None:
            self.caller._receive(codes, self.where & ~self.is_given_up, http.CLIENT_ERROR)

    def finish(self) -> None:
        """Answer with 200 where nothing else has been answered."""
        if not self.is_answered:
            self.answer(200)

    def _receive(self, codes: NDArray[np.int64], where: Mask, first_error: int) -> None:
        """Note the status code of an answer; from ``first_error`` on it makes the span an error."""
        self.note(http.STATUS, codes, where=where)
        is_error = where & (codes >= first_error)
        if is_error.any():
            self.failures.append((is_error, ""))
            self.note(http.ERROR_TYPE, _digits(codes), where=is_error)

    def _give_up(self, where: Mask, to: str, timeout_s: float) -> None:
        """End the client span of a request that got no answer in time."""
        here = self.where & where
        self.now_ns[here] = self.start_ns[here] + round(timeout_s * 1e9)
        self.failures.append((here, http.timeout_status(to, timeout_s)))
        message = http.timeout_message(to, timeout_s)
        self.event("exception", {"exception.type": http.TIMEOUT_TYPE, "exception.message": message}, where=here)

    def _wait_for(self, child: Step) -> None:
        self.now_ns[child.where] = np.maximum(self.now_ns, child.now_ns)[child.where]


def _digits(codes: NDArray[np.int64]) -> Texts:
    """Return numbers of which there are few as texts."""
    distinct, code = np.unique(codes, return_inverse=True)
    return Texts(code, tuple(map(str, distinct.tolist())))
