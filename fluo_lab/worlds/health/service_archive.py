"""Live: the archive, which encrypts and stores, and builds datasets at night."""

from __future__ import annotations

from hashlib import shake_256
from typing import TYPE_CHECKING

from fluo_lab.worlds.health import drawn
from fluo_lab.worlds.health.service_ledger import enter
from fluo_lab.worlds.health.service_parts import do
from fluo_lab.worlds.live.service import Answer, Request, Service

if TYPE_CHECKING:
    from fluo_lab.worlds.chance import Chance

__all__ = ["connect", "encrypt", "serve_archive", "tls_attributes"]

_PAGE_BYTES = 4_096


def encrypt(service: Service, chance: Chance, slot: int) -> None:
    """Encrypt something at rest."""
    stream = shake_256(str(slot).encode()).digest(_PAGE_BYTES)
    bytes(a ^ b for a, b in zip(stream, bytes(_PAGE_BYTES), strict=True))
    do(
        service,
        chance,
        "encryption.at_rest",
        0.1,
        4,
        lambda again: {
            "encryption.algorithm": drawn.ENCRYPTION_ALGORITHM.pick(chance, turn=slot + again),
            "encryption.key.id": drawn.ENCRYPTION_KEY.pick(chance, turn=slot + again),
        },
    )


def connect(service: Service, chance: Chance, turn: int) -> None:
    """Make a TLS connection to somebody outside."""
    do(service, chance, "encryption.tls", 0.8, 30, lambda again: tls_attributes(chance, turn + again))


def tls_attributes(chance: Chance, turn: int) -> dict[str, str]:
    """Return the attributes of a TLS connection."""
    return {
        "tls.version": drawn.TLS_VERSION.pick(chance, turn=turn),
        "tls.cipher": drawn.TLS_CIPHER.pick(chance, turn=turn),
    }


def serve_archive(service: Service) -> None:
    """Register the handlers of the archive."""

    @service.route("PUT", "/objects/{id}")
    def put(request: Request) -> Answer:
        _store(service, request.chance, drawn.UPDATE_SLOT, drawn.UPDATE_DATA_TYPE.pick(request.chance))
        return Answer(201)

    @service.route("POST", "/archives")
    def archive(request: Request) -> Answer:
        chance = request.chance
        for batch in range(drawn.batch_count(chance)):
            slot = drawn.BATCH_SLOT + batch
            _store(service, chance, slot, drawn.BATCH_DATA_TYPE.pick(chance, turn=slot))
        if drawn.OFFSITE_COPY.ask(chance):
            connect(service, chance, drawn.OFFSITE_TURN)
        if drawn.JOB_LOGGED.ask(chance):
            enter(service, chance, drawn.JOB_SLOT, "archive_run", drawn.SCHEDULER)
        return Answer()

    @service.route("POST", "/datasets")
    def build(request: Request) -> Answer:
        _build_dataset(service, request.chance)
        return Answer(201)


def _store(service: Service, chance: Chance, slot: int, data_type: str) -> None:
    """Store an object: health data encrypted, other data as it happens."""
    is_encrypted = data_type == "phi" or drawn.ENCRYPTS_ANYWAY.ask(chance, turn=slot)
    is_first = drawn.ENCRYPTS_FIRST.ask(chance, turn=slot)
    with service.tracer.start_as_current_span("archive.store") as storing:
        storing.set_attribute("storage.tier", drawn.STORAGE_TIER.pick(chance, turn=slot))
        storing.set_attribute("object.bytes", drawn.OBJECT_BYTES.ask(chance, turn=slot))
        service.work(0.2, 3)
        if is_encrypted and is_first:
            encrypt(service, chance, slot)
        if drawn.WRITES.ask(chance, turn=slot):
            do(
                service,
                chance,
                "database.write",
                0.3,
                8,
                lambda again: {
                    "data_type": data_type,
                    "rows.written": drawn.ROWS_WRITTEN.ask(chance, turn=slot + again),
                },
            )
        if is_encrypted and not is_first:
            encrypt(service, chance, slot)


def _build_dataset(service: Service, chance: Chance) -> None:
    use = chance.pick_code("dataset use", drawn.DATASET_USE_WEIGHTS)
    is_research = use == drawn.FOR_RESEARCH
    is_deidentified = (drawn.DEIDENTIFIED if is_research else drawn.DEIDENTIFIED_ANYWAY).ask(chance)
    is_shown = drawn.BUILD_SHOWN.ask(chance)
    is_deidentified_inside = is_shown and drawn.DEIDENTIFIED_INSIDE.ask(chance)
    is_exported_inside = is_shown and drawn.EXPORTED_INSIDE.ask(chance)
    if is_deidentified and not is_deidentified_inside:
        _deidentify(service, chance)
    if is_shown:
        with service.tracer.start_as_current_span("dataset.build") as build:
            build.set_attribute("dataset.rows", drawn.DATASET_ROWS.ask(chance))
            build.set_attribute("dataset.format", drawn.DATASET_FORMAT.pick(chance))
            service.work(2, 60)
            if is_deidentified and is_deidentified_inside:
                _deidentify(service, chance)
            if is_exported_inside:
                _hand_over(service, chance, use)
    if not is_exported_inside:
        _hand_over(service, chance, use)


def _deidentify(service: Service, chance: Chance) -> None:
    do(service, chance, "dataset.deidentify", 1, 20)


def _hand_over(service: Service, chance: Chance, use: int) -> None:
    """Hand a dataset over for one use: research gets no identifiers, and what has identifiers is not for research."""
    if use == drawn.FOR_RESEARCH:
        do(
            service,
            chance,
            "research.export",
            2,
            40,
            lambda again: {"k_anonymity": drawn.K_ANONYMITY.ask(chance, turn=again)},
        )
    elif use == drawn.WITH_IDENTIFIERS:
        do(
            service,
            chance,
            "identifiers.include",
            0.5,
            9,
            lambda again: {"identifier.count": drawn.IDENTIFIER_COUNT.ask(chance, turn=again)},
        )
