"""A small system for the tests of the live kit: a shop, its payments, and mail."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

from fluo_lab.worlds.world import Deployment, Incident, Invariant, World

if TYPE_CHECKING:
    from fluo_lab.worlds.chance import Chance
    from fluo_lab.worlds.live.client import Client
    from fluo_lab.worlds.live.service import Request, Service
    from fluo_lab.worlds.simulated.batch import Batch

TIMEOUT_S = 0.3


def serve(service: Service) -> None:
    if log := os.environ.get("TOY_PIDS"):
        with Path(log).open("a") as pids:
            pids.write(f"{os.getpid()}\n")
    {"shop": serve_shop, "payments": serve_payments, "mail": serve_mail}[service.deployment.key](service)


def serve_shop(service: Service) -> None:
    from fluo_lab.worlds.live.service import Answer, ServiceTimeout

    tracer = service.tracer

    @service.route("POST", "/orders/{id}/payment")
    def pay(request: Request) -> Answer:
        chance = request.chance
        order = request.path_values["id"]
        if chance.happens("lost", 0.2):
            with tracer.start_as_current_span("basket.price") as span:
                service.lose(span)
                with tracer.start_as_current_span("basket.tax"):
                    service.work(0.2, 1.0)

        def price() -> int:
            with tracer.start_as_current_span("basket.check"):
                service.work(0.2, 1.0)
            return 1

        def stock() -> int:
            return service.call(
                "mail", "GET", "/addresses/{user}", path=f"/addresses/{chance.new_id('u', 'user')}"
            ).status

        checked = service.side_by_side(price, stock)
        request.span.set_attribute("shop.checked", checked)
        timeout_s = TIMEOUT_S if chance.happens("slow", 0.1) else None
        try:
            paid = service.call("payments", "POST", "/payments", {"order": order}, timeout_s=timeout_s)
        except ServiceTimeout as timeout:
            service.fail(request.span, "shop.PaymentTimeout", f"no answer from {timeout.to}")
            return Answer(504, {})
        if paid.status < 300:
            service.publish("orders", "mail", {"order": order}, {"order.id": order, "order.items": 3})
        return Answer(paid.status, {"order": order})

    @service.route("DELETE", "/orders/{id}")
    def forget(request: Request) -> Answer:
        return Answer(204)

    @service.route("DELETE", "/faults/{kind}")
    def fail(request: Request) -> Answer:
        match request.path_values["kind"]:
            case "handler":
                return Answer(200, request.body["missing"])
            case "downstream":
                return service.call("payments", "DELETE", "/faults/any")
            case "background":
                service.later(lambda: [][3])
            case "address":
                service.later(lambda: service.publish("unheard of", "mail"))
            case "message":
                service.publish("faults", "mail", {})
            case "crash":
                os._exit(3)
        return Answer()


def serve_payments(service: Service) -> None:
    from fluo_lab.worlds.live.service import Answer

    tracer = service.tracer

    @service.route("POST", "/payments")
    def charge(request: Request) -> Answer:
        chance = request.chance
        with tracer.start_as_current_span("payment.charge") as span:
            span.set_attribute("order.id", request.body["order"])
            service.work(0.2, 2.0)
            if chance.happens("slow", 0.1):
                service.wait(2 * TIMEOUT_S * 1000)
            if chance.happens("broken", 0.1):
                service.fail(span, "payments.Broken", "out of order")
                return Answer(500)
            if service.suffers("refusals", chance) or chance.happens("refused", 0.1):
                return Answer(402, {"reason": "funds"})

        def book() -> None:
            with tracer.start_as_current_span("ledger.book") as span:
                span.add_event("booked", {"amount": chance.integer("amount", 1, 100) / 100})
                service.work(2.0, 5.0)

        service.later(book)
        return Answer(201, {})

    @service.route("DELETE", "/faults/any")
    def fail(request: Request) -> Answer:
        raise ValueError("out of paper")


def serve_mail(service: Service) -> None:
    from fluo_lab.worlds.live.service import Answer

    @service.route("GET", "/addresses/{user}")
    def find(request: Request) -> Answer:
        return Answer(200, {"user": request.path_values["user"]})

    @service.consumes("orders")
    def send(request: Request) -> None:
        with service.tracer.start_as_current_span("mail.send") as span:
            span.set_attribute("order.id", request.body["order"])
            span.set_attribute("mail.part", request.part)

    @service.consumes("faults")
    def fail(request: Request) -> None:
        raise ValueError("no stamps")


def visit(client: Client, chance: Chance) -> None:
    order = chance.new_id("o", "order")
    path = f"/orders/{order}/payment"
    if chance.happens("double click", 0.2):
        client.together(lambda: client.request("POST", path), lambda: client.request("POST", path, part=1))
    else:
        client.request("POST", path)
    if chance.happens("forgotten", 0.3):
        client.request("DELETE", f"/orders/{order}", part=2)


def provoke_handler(client: Client, chance: Chance) -> None:
    client.request("DELETE", "/faults/handler")


def provoke_downstream(client: Client, chance: Chance) -> None:
    client.request("DELETE", "/faults/downstream")


def provoke_background(client: Client, chance: Chance) -> None:
    client.request("DELETE", "/faults/background")


def provoke_address(client: Client, chance: Chance) -> None:
    client.request("DELETE", "/faults/address")


def provoke_message(client: Client, chance: Chance) -> None:
    client.request("DELETE", "/faults/message")


def provoke_crash(client: Client, chance: Chance) -> None:
    client.request("DELETE", "/faults/crash")


def provoke_wrong_route(client: Client, chance: Chance) -> None:
    client.request("GET", "/nowhere")


def provoke_visit(client: Client, chance: Chance) -> None:
    raise LookupError("lost on the way")


def interrupt(client: Client, chance: Chance) -> None:
    visit(client, chance)
    if chance.visit == 10:
        os.kill(os.getpid(), signal.SIGINT)


def kill(client: Client, chance: Chance) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def serve_nothing(service: Service) -> None:
    raise ValueError(f"no code for {service.deployment.key}")


def simulate(batch: Batch) -> None:
    raise NotImplementedError


TOY = World(
    name="toy",
    title="Toy",
    summary="",
    deployments=(
        Deployment("shop", "shop", "1.0"),
        Deployment("payments", "payments", "2.1", clock_offset_us=3_000_000),
        Deployment("mail", "mail", "0.3"),
    ),
    invariants=(Invariant("always", "", "trace.has(payment.charge)", "presence"),),
    incidents=(Incident("refusals", "", ("always",), (0.5, 0.8), 0.5),),
    folder=Path(),
    visit_gap_s=1.0,
    simulate=simulate,
    serve=serve,
    visit=visit,
)
