"""What the code of a service is written with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context as Variables
from contextvars import copy_context
from random import random
from time import sleep
from typing import TYPE_CHECKING, Any, TypeVar

from opentelemetry import propagate
from opentelemetry.context import attach, detach
from opentelemetry.trace import Link, Span, SpanKind, Status, StatusCode, Tracer, get_current_span

from fluo_lab.errors import UsageError
from fluo_lab.worlds.http import message_attributes, message_name
from fluo_lab.worlds.live.activity import Activity
from fluo_lab.worlds.live.network import Network
from fluo_lab.worlds.live.requests import Answer, LiveError, Request, ServiceTimeout
from fluo_lab.worlds.live.routes import Handler, Routes, check_path
from fluo_lab.worlds.live.telemetry import Telemetry, visit_and_part
from fluo_lab.worlds.live.threads import run_together
from fluo_lab.worlds.world import Deployment, Run

if TYPE_CHECKING:
    from opentelemetry.util.types import AttributeValue

    from fluo_lab.worlds.chance import Chance

__all__ = ["Answer", "Request", "Service", "ServiceTimeout"]

Listener = Callable[[Request], None]
T = TypeVar("T")
AnyHandler = TypeVar("AnyHandler", bound=Handler)
AnyListener = TypeVar("AnyListener", bound=Listener)

_N_LISTENING = 8
_N_IN_BACKGROUND = 16


class Service:
    """One deployment in its own process, as the code of its world sees it.

    Attributes
    ----------
    run
        What runs.
    deployment
        Which of the world's deployments this is.
    tracer
        Makes the spans of the world's own code. An exception that passes through them leaves no mark; see ``fail``.
    routes
        The handlers registered so far.
    """

    def __init__(
        self,
        run: Run,
        deployment: Deployment,
        *,
        telemetry: Telemetry,
        network: Network,
        activity: Activity,
        time_scale: float,
    ) -> None:
        self.run = run
        self.deployment = deployment
        self.tracer: Tracer = telemetry.tracer
        self.routes = Routes()
        self._telemetry = telemetry
        self._network = network
        self._activity = activity
        self._time_scale = time_scale
        self._listeners: dict[str, Listener] = {}
        self._listening = ThreadPoolExecutor(_N_LISTENING, thread_name_prefix="listening")
        self._background = ThreadPoolExecutor(_N_IN_BACKGROUND, thread_name_prefix="background")

    def route(self, method: str, template: str) -> Callable[[AnyHandler], AnyHandler]:
        """Return a decorator that registers the handler of a route.

        Parameters
        ----------
        method
            ``GET``, ``POST``, ``PUT``, ``PATCH`` or ``DELETE``.
        template
            A path, with names in braces for its values: ``/orders/{id}``. The server span is named by it.
        """

        def register(handler: AnyHandler) -> AnyHandler:
            self.routes.add(method, template, handler)
            return handler

        return register

    def consumes(self, topic: str) -> Callable[[AnyListener], AnyListener]:
        """Return a decorator that registers what handles the messages of a topic."""

        def register(listener: AnyListener) -> AnyListener:
            if topic in self._listeners:
                raise UsageError(f"{self.deployment.key}: topic {topic} has two handlers")
            self._listeners[topic] = listener
            return listener

        return register

    def do(
        self,
        name: str,
        low_ms: float,
        high_ms: float,
        *,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Mapping[str, AttributeValue] | None = None,
    ) -> None:
        """Make a span that only takes its time, as ``work`` would."""
        with self.tracer.start_as_current_span(name, kind=kind, attributes=attributes):
            self.work(low_ms, high_ms)

    def call(
        self,
        to: str,
        method: str,
        route: str,
        body: Mapping[str, Any] | None = None,
        *,
        path: str | None = None,
        timeout_s: float | None = None,
    ) -> Answer:
        """Return what another deployment answers to an HTTP request, whatever its status code.

        Parameters
        ----------
        to
            Key of the deployment.
        method, route
            A route it serves.
        body
            A JSON object to send.
        path
            The path with its values in place, if the route is a template.
        timeout_s
            How long to wait, in real seconds: no ``time_scale`` shortens it. Leave a wide margin to what the service
            takes on a busy machine when it does answer.

        Raises
        ------
        ServiceTimeout
            There was no answer in time. The client span is an error then; the request may still have its effect.
        """
        self._activity.send()
        return self._network.request(to, method, check_path(route, path), body, timeout_s=timeout_s)

    def publish(
        self,
        topic: str,
        to: str,
        body: Mapping[str, Any] | None = None,
        attributes: Mapping[str, AttributeValue] | None = None,
    ) -> None:
        """Send a message to a deployment, which handles it in the background.

        Makes a producer span here and a consumer span there.

        Parameters
        ----------
        topic
            A topic the deployment consumes.
        to
            Key of the deployment.
        body
            A JSON object.
        attributes
            More attributes for both spans.
        """
        own = dict(attributes or {})
        with self.tracer.start_as_current_span(
            message_name(topic, "publish"),
            kind=SpanKind.PRODUCER,
            attributes={**message_attributes(topic, "publish"), **own},
        ):
            headers: dict[str, str] = {}
            propagate.inject(headers)
            self._activity.send()
            message = {"topic": topic, "body": dict(body or {}), "attributes": own, "headers": headers}
            self._network.request(to, "POST", "/-/deliver", message)

    def side_by_side(self, *tasks: Callable[[], T]) -> list[T]:
        """Return what functions without arguments return, run at the same time in the current context.

        Raises
        ------
        Exception
            What the first of those raised that did, once all have ended.
        """
        return run_together(tasks)

    def later(self, task: Callable[[], object]) -> None:
        """Run a function without arguments in the background, in the current context; the request goes on."""
        name = getattr(task, "__qualname__", repr(task))
        self._activity.begin()
        self._background.submit(copy_context().run, self._work_off, f"background job {name}", task)

    def work(self, low_ms: float, high_ms: float) -> None:
        """Let time pass: from ``low_ms`` on, seldom as much as ``high_ms``, times the run's ``time_scale``."""
        share = random()  # noqa: S311 (times are the only thing that may differ from run to run)
        sleep((low_ms + share**3 * (high_ms - low_ms)) / 1000 * self._time_scale)

    def wait(self, duration_ms: float) -> None:
        """Let time pass, in real milliseconds: for durations a rule or somebody's timeout depends on."""
        sleep(duration_ms / 1000)

    def suffers(self, incident_id: str, chance: Chance) -> bool:
        """Return whether an incident harms a visit; ask only for visits that are open to it."""
        return self.run.is_harmed(incident_id, chance.visit)

    def fail(self, span: Span, error_type: str, message: str) -> None:
        """Set a span's status to error, and add an ``exception`` event with type and message."""
        span.set_status(Status(StatusCode.ERROR, message))
        span.add_event("exception", {"exception.type": error_type, "exception.message": message})

    def lose(self, span: Span) -> None:
        """Let the exporter drop a span that has not ended yet; its children become orphans."""
        self._telemetry.exporter.lose(span)

    def accept(self, message: Mapping[str, Any]) -> None:
        """Take a message of ``publish`` and handle it in the background.

        Raises
        ------
        LiveError
            This deployment does not consume the topic.
        """
        listener = self._listeners.get(message["topic"])
        if listener is None:
            raise LiveError(f"{self.deployment.key} consumes no topic {message['topic']!r}")
        self._activity.begin(is_received=True)
        where = f"messages of topic {message['topic']}"
        self._listening.submit(Variables().run, self._work_off, where, lambda: self._listen(listener, message))

    def request(self, body: Mapping[str, Any], path_values: Mapping[str, str]) -> Request:
        """Return a request for a handler, which belongs to the current context."""
        visit, part = visit_and_part()
        return Request(body, path_values, self.run.chance(visit), part, get_current_span())

    def stop(self) -> None:
        """Wait for background work, and take no more."""
        self._listening.shutdown()
        self._background.shutdown()
        self._network.close()

    def _work_off(self, what: str, task: Callable[[], object]) -> None:
        try:
            with self._activity.noting_faults(f"{self.deployment.key}: {what}"):
                task()
        finally:
            self._activity.end()

    def _listen(self, listener: Listener, message: Mapping[str, Any]) -> None:
        context = propagate.extract(message["headers"])
        token = attach(context)
        try:
            with self.tracer.start_as_current_span(
                message_name(message["topic"], "process"),
                kind=SpanKind.CONSUMER,
                attributes={**message_attributes(message["topic"], "process"), **message["attributes"]},
                links=[Link(get_current_span(context).get_span_context())],
            ):
                listener(self.request(message["body"], {}))
        finally:
            detach(token)
