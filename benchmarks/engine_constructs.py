"""One rule for each construct of the language, about the checkout world; the benchmark looks for the slowest."""

from __future__ import annotations

from collections.abc import Iterator

from fluo_lab.language import RelationKind

__all__ = ["CONSTRUCTS", "CONSTRUCTS_OF_ALL"]


def _relations(subject: str, partner: str, same: str) -> Iterator[str]:
    """Yield every relation with every option."""
    for kind in RelationKind:
        options = ["", ", within 50ms", f", same {same}", f", within 50ms, same {same}"]
        if kind.is_ordered:
            options += [
                ", without POST",
                ", within 50ms, without POST",
                f", same {same}, without POST",
            ]
        for option in options:
            yield f"always {{ trace.every({subject}).must({kind}({partner}{option})) }}"


CONSTRUCTS: tuple[str, ...] = (
    *_relations("cache.get", "db.query", "db.system.name"),
    "when { trace.has(payment.charge) } always { trace.has(inventory.reserve) }",
    "when { trace.has(payment.charge).where(amount > 1000) } never { trace.has(payment.refund) }",
    "always { trace.has(*) }",
    "always { trace.count(*).where(span.status == error) <= 1 }",
    "always { trace.every(*).must(span.duration < 2s) }",
    "always { trace.every(payment.charge).must(currency in [EUR, USD, GBP]) }",
    'always { trace.every(*).must(not exists(url.path) or url.path matches "^/[a-z]+(/[a-z0-9_-]+)*$") }',
    'always { trace.every(POST).must(url.full matches "(?i)^http://[a-z]+(-[a-z]+)?:8080/") }',
    'always { trace.every(POST).must(url.full contains "/payments" or http.response.status_code < 500) }',
    "always { trace.every(inventory.reserve).must(cart.id not contains cart_0) }",
    "always { trace.every(*).must(server.address != attr(client.address)) }",
    "always { trace.every(*).must(server.port < http.response.status_code or not exists(server.port)) }",
    'always { trace.every(*).where(span.status == error).must(event("exception", exception.type contains "Timeout")) }',
    "when { trace.has(payment.charge) } always { trace.rising(payment.charge, attempt) }",
    "always { trace.rising(*, http.response.status_code) }",
    "always { trace.distinct(payment.charge, payment_intent_id) <= 1 }",
    "always { trace.distinct(*, url.full) <= 5 }",
    "always { trace.sum(*, span.duration) / trace.duration < 10 }",
    "always { trace.max(payment.refund, amount) <= trace.min(payment.charge, amount) }",
    "always { trace.avg(inventory.reserve, item.count) * trace.count(db.query) - trace.spans < 1000 }",
    "always { trace.duration < 5s }",
    "always { trace.every(*).must(resource.service.name != span.name and scope.name != span.name) }",
    # conditions and relations in each other
    "when { (trace.has(payment.charge) or trace.has(payment.refund)) and not trace.has(order.update) } "
    "always { trace.count(db.query) <= 20 or trace.every(db.query).must(span.duration < 100ms) } "
    "never { trace.has(POST).where(span.status == error) and trace.count(POST) > 4 }",
    "always { trace.every(payment.charge).where(amount > 1000)"
    '.must(after(payment.fraud_check.where(under("POST /payments"))) and not overlaps(payment.charge)) }',
    # across traces
    "per payment_intent_id within 10m never { trace.count(payment.charge).where(payment.outcome == captured) > 1 }",
    "per cart.id within 10m always { trace.every(payment.charge).must(after(inventory.reserve, same cart.id)) }",
    "per server.address within 1s always { trace.every(*).must(before(psp.authorize) or beside(*, within 1ms)) }",
    "per http.request.method, http.response.status_code within 1s "
    "always { trace.every(POST).must(overlaps(POST) or under(*)) }",
)

CONSTRUCTS_OF_ALL: tuple[str, ...] = (
    *_relations("*", "*", "server.address"),
    "always { trace.every(*).where(child_of(*.where(span.kind == server)))"
    ".must(before(*) or after(*, within 1s) or sibling_of(*, same server.address)) }",
    "per server.address, http.request.method within 1s always { trace.every(*).must(overlaps(*) or under(*)) }",
)
"""Relations of every span with every span: the most that can be asked of them."""
