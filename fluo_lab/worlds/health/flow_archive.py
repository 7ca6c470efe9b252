"""Simulated: how the archive stores and encrypts, and what it builds at night."""

from __future__ import annotations

import numpy as np

from fluo_lab.worlds.health import drawn
from fluo_lab.worlds.health.flow_parts import do
from fluo_lab.worlds.health.flow_records import enter
from fluo_lab.worlds.simulated import Flow, Step, Texts
from fluo_lab.worlds.simulated.values import Mask, Value

__all__ = ["archive_at_night", "connect", "encrypt", "store", "tls_attributes"]


def store(step: Step, slot: int, where: Mask, data_type: Texts) -> None:
    """Store an object: health data encrypted, other data as it happens."""
    chances = step.flow.chances
    is_encrypted = data_type.is_any("phi") | drawn.ENCRYPTS_ANYWAY.ask(chances, turn=slot)
    is_first = drawn.ENCRYPTS_FIRST.ask(chances, turn=slot)
    with step.span(
        "archive.store",
        where=where,
        attributes={
            "storage.tier": step.flow.texts(drawn.STORAGE_TIER, turn=slot),
            "object.bytes": drawn.OBJECT_BYTES.ask(chances, turn=slot),
        },
    ) as storing:
        storing.work("store object", 200, 3_000)
        encrypt(storing, slot, is_encrypted & is_first)
        do(
            storing,
            "database.write",
            300,
            8_000,
            where=storing.where & drawn.WRITES.ask(chances, turn=slot),
            attributes=lambda again: {
                "data_type": data_type,
                "rows.written": drawn.ROWS_WRITTEN.ask(chances, turn=slot + again),
            },
        )
        encrypt(storing, slot, is_encrypted & ~is_first)


def encrypt(step: Step, slot: int, where: Mask) -> None:
    """Encrypt something at rest."""
    do(
        step,
        "encryption.at_rest",
        100,
        4_000,
        where=where,
        attributes=lambda again: {
            "encryption.algorithm": step.flow.texts(drawn.ENCRYPTION_ALGORITHM, turn=slot + again),
            "encryption.key.id": step.flow.texts(drawn.ENCRYPTION_KEY, turn=slot + again),
        },
    )


def connect(step: Step, turn: int, where: Mask) -> None:
    """Make a TLS connection to somebody outside."""
    do(step, "encryption.tls", 800, 30_000, where=where, attributes=lambda again: tls_attributes(step, turn + again))


def tls_attributes(step: Step, turn: int) -> dict[str, Value]:
    """Return the attributes of TLS connections."""
    return {
        "tls.version": step.flow.texts(drawn.TLS_VERSION, turn=turn),
        "tls.cipher": step.flow.texts(drawn.TLS_CIPHER, turn=turn),
    }


def archive_at_night(flow: Flow) -> None:
    """Put batches into the archive, then, as is usual, build a dataset for research or quality control."""
    chances = flow.chances
    is_last = drawn.DATASET_LAST.ask(chances)
    is_built = drawn.DATASET_BUILT.ask(chances)
    is_locked = drawn.JOB_LOCKED.ask(chances)
    is_locked_first = drawn.JOB_LOCKED_FIRST.ask(chances)
    with flow.request("portal", "POST", "/jobs/nightly") as root:
        do(root, "job.lock", 100, 1_000, where=is_locked & is_locked_first)
        _build_dataset(root, is_built & ~is_last)
        with root.call("archive", "POST", "/archives", where=drawn.ARCHIVED.ask(chances)) as server:
            n_batches = drawn.batch_count(chances)
            for batch in range(drawn.MANY_BATCHES):
                slot = drawn.BATCH_SLOT + batch
                store(server, slot, n_batches > batch, server.flow.texts(drawn.BATCH_DATA_TYPE, turn=slot))
            connect(server, drawn.OFFSITE_TURN, drawn.OFFSITE_COPY.ask(chances))
            scheduler = Texts(np.full(flow.n_visits, drawn.SCHEDULER_CODE), drawn.ACTORS)
            is_logged = server.where & drawn.JOB_LOGGED.ask(chances)
            enter(server, drawn.JOB_SLOT, is_logged, "archive_run", scheduler)
        _build_dataset(root, is_built & is_last)
        do(root, "job.lock", 100, 1_000, where=is_locked & ~is_locked_first)
        root.answer(202)


def _build_dataset(root: Step, where: Mask) -> None:
    chances = root.flow.chances
    use = chances.pick_code("dataset use", drawn.DATASET_USE_WEIGHTS)
    is_research = use == drawn.FOR_RESEARCH
    is_deidentified = np.where(is_research, drawn.DEIDENTIFIED.ask(chances), drawn.DEIDENTIFIED_ANYWAY.ask(chances))
    is_shown = drawn.BUILD_SHOWN.ask(chances)
    is_deidentified_inside = is_shown & drawn.DEIDENTIFIED_INSIDE.ask(chances)
    is_exported_inside = is_shown & drawn.EXPORTED_INSIDE.ask(chances)
    with root.call("archive", "POST", "/datasets", where=where) as server:
        _deidentify(server, is_deidentified & ~is_deidentified_inside)
        attributes: dict[str, Value] = {
            "dataset.rows": drawn.DATASET_ROWS.ask(chances),
            "dataset.format": server.flow.texts(drawn.DATASET_FORMAT),
        }
        with server.span("dataset.build", where=is_shown, attributes=attributes) as build:
            build.work("build dataset", 2_000, 60_000)
            _deidentify(build, is_deidentified & is_deidentified_inside)
            _hand_over(build, is_exported_inside, use)
        _hand_over(server, ~is_exported_inside, use)
        server.answer(201)


def _deidentify(step: Step, where: Mask) -> None:
    do(step, "dataset.deidentify", 1_000, 20_000, where=where)


def _hand_over(step: Step, where: Mask, use: Value) -> None:
    """Hand a dataset over for one use: research gets no identifiers, and what has identifiers is not for research."""
    chances = step.flow.chances
    do(
        step,
        "research.export",
        2_000,
        40_000,
        where=where & (use == drawn.FOR_RESEARCH),
        attributes=lambda again: {"k_anonymity": drawn.K_ANONYMITY.ask(chances, turn=again)},
    )
    do(
        step,
        "identifiers.include",
        500,
        9_000,
        where=where & (use == drawn.WITH_IDENTIFIERS),
        attributes=lambda again: {"identifier.count": drawn.IDENTIFIER_COUNT.ask(chances, turn=again)},
    )
