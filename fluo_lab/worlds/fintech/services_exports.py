"""The running export service: it makes files and sends them."""

from __future__ import annotations

import zlib
from hashlib import shake_256
from typing import TYPE_CHECKING

from fluo_lab.worlds.chance import Chance
from fluo_lab.worlds.fintech import drawn, facts
from fluo_lab.worlds.fintech.services_parts import answer, leave_record, read_customer, repeat
from fluo_lab.worlds.fintech.store import Store

if TYPE_CHECKING:
    from fluo_lab.worlds.live.requests import Answer, Request
    from fluo_lab.worlds.live.service import Service

__all__ = ["serve_exports"]


def serve_exports(service: Service) -> None:
    """Register what the export service does."""
    tracer, store = service.tracer, Store(service)

    @service.route("POST", "/exports")
    def export(request: Request) -> Answer:
        chance = request.chance
        kind = drawn.EXPORT_KIND.pick(chance)
        if drawn.COLLECTED.ask(chance):
            with tracer.start_as_current_span("export.collect", attributes={"export.kind": kind}):
                service.work(0.5, 6.0)
                if drawn.POSTINGS_READ.ask(chance):
                    store.query("SELECT", "postings", "select id, account, cents from postings")
        if kind == "customers" and drawn.EXPORT_NAMES_PEOPLE.ask(chance):
            read_customer(service, request)
        _send_file(service, request, "export")
        leave_record(service, chance, "data.export")
        repeat(service, chance, "export.collect", "SELECT postings")
        return answer(chance, "POST /exports", 201)

    @service.route("POST", "/files")
    def deliver(request: Request) -> Answer:
        _send_file(service, request, request.body["kind"])
        return answer(request.chance, "POST /files", 201)


def _send_file(service: Service, request: Request, kind: str) -> None:
    """Make a file and send it: encrypted, except on the path of large files while the incident lasts."""
    tracer, chance = service.tracer, request.chance
    is_large, is_held = bool(facts.is_large(chance, kind)), drawn.HELD.ask(chance)
    is_harmed = is_large and not is_held and service.suffers("export-without-encryption", chance)
    repeat(service, chance, "file.cleanup")
    content = b"posting;account;cents\n" * 40
    if drawn.RENDERED.ask(chance):
        service.do("report render", 0.5, 8.0)
    if is_large and drawn.SPLIT.ask(chance):
        service.do("file.split", 0.3, 4.0)
    is_compressed, is_first = drawn.COMPRESSED.ask(chance), drawn.COMPRESSED_FIRST.ask(chance)
    if is_compressed and is_first:
        content = _compress(service, content)
    if not is_harmed and (not is_held or drawn.HELD_ENCRYPTED.ask(chance)):
        content = _encrypt(service, chance, content)
    if is_compressed and not is_first:
        content = _compress(service, content)
    is_retried = (is_harmed and drawn.RETRIED_IN_CLEAR.ask(chance)) or drawn.UPLOAD_RETRIED.ask(chance)
    if is_retried:
        with tracer.start_as_current_span("upload.attempt") as span:
            service.work(1.0, 9.0)
            service.fail(span, "exports.ConnectionReset", "connection reset by peer")
    if not is_held:
        with tracer.start_as_current_span("data.export") as span:
            span.set_attribute("export.id", chance.new_id("exp", "export", turn=request.part))
            span.set_attribute("export.rows", int(facts.rows(chance, kind)))
            span.set_attribute("export.destination", drawn.DESTINATION.pick(chance))
            service.work(1.0, 12.0)
    if drawn.CLEANED_UP.ask(chance):
        service.do("file.cleanup", 0.1, 0.8)
    repeat(service, chance, "report render", "file.split", "file.compress", "upload.attempt")
    if not is_held and not is_harmed:
        repeat(service, chance, "encryption.applied", "data.export")


def _compress(service: Service, content: bytes) -> bytes:
    with service.tracer.start_as_current_span("file.compress"):
        service.work(0.3, 5.0)
        return zlib.compress(content)


def _encrypt(service: Service, chance: Chance, content: bytes) -> bytes:
    """Return the content under a key stream, which stands for the cipher that the span names."""
    number = drawn.ENCRYPTION_KEY.ask(chance)
    with service.tracer.start_as_current_span("encryption.applied") as span:
        span.set_attribute("encryption.algorithm", drawn.ALGORITHM.pick(chance))
        span.set_attribute("encryption.key_number", number)
        service.work(0.5, 6.0)
        stream = shake_256(str(number).encode()).digest(len(content))
        return bytes(byte ^ mask for byte, mask in zip(content, stream, strict=True))
