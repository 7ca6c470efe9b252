"""What always holds for patient records, except where an incident breaks it."""

from __future__ import annotations

from fluo_lab.worlds.world import Invariant

__all__ = ["INVARIANTS"]

INVARIANTS: tuple[Invariant, ...] = (
    Invariant(
        "access-needs-authentication",
        "Whoever reads health data has been authenticated",
        "when { trace.has(phi.access) } always { trace.has(auth.user_authenticated) }",
        "presence",
        "critical",
    ),
    Invariant(
        "authentication-before-access",
        "Authentication is over before any health data is read",
        "when { trace.has(phi.access) } always { trace.every(phi.access).must(after(auth.user_authenticated)) }",
        "precedence",
        "critical",
    ),
    Invariant(
        "access-by-authenticated-user",
        "Health data is read in the name of a user who has been authenticated",
        "when { trace.has(phi.access) and trace.has(auth.user_authenticated) } "
        "always { trace.every(phi.access).must(beside(auth.user_authenticated, same user.id)) }",
        "same_value",
        "critical",
    ),
    Invariant(
        "access-leaves-audit-log",
        "Access to health data leaves an entry in the audit log",
        "when { trace.has(phi.access) } always { trace.has(audit.log) }",
        "presence",
        "critical",
    ),
    Invariant(
        "access-logged-before-the-next",
        "Each access is in the audit log before the next one begins",
        "when { trace.has(phi.access) } always { trace.every(phi.access).must(before(audit.log, without phi.access)) }",
        "alternate_response",
    ),
    Invariant(
        "audit-log-names-the-patient",
        "For each patient whose data is read there is an audit entry with that patient's id",
        "when { trace.has(phi.access) and trace.has(audit.log) } "
        "always { trace.every(phi.access).must(beside(audit.log, same patient.id)) }",
        "same_value",
        "critical",
    ),
    Invariant(
        "audit-log-in-entry-handler",
        "Audit entries are written by the handler of the ledger and by nobody else",
        'when { trace.has(audit.log) } always { trace.every(audit.log).must(child_of("POST /audit-entries")) }',
        "child_of",
        "medium",
    ),
    Invariant(
        "failed-audit-is-retried",
        "An audit entry that the ledger could not take is sent again",
        'when { trace.has("POST /audit-entries").where(http.response.status_code >= 500) } '
        "always { trace.has(audit.retry) }",
        "presence",
    ),
    Invariant(
        "access-sequence-rises",
        "Accesses of one request are numbered upwards",
        "when { trace.has(phi.access) } always { trace.rising(phi.access, access.sequence) }",
        "monotone",
        "low",
    ),
    Invariant(
        "records-within-page",
        "One access returns no more than 50 records",
        "when { trace.has(phi.access) } always { trace.every(phi.access).must(records.returned <= 50) }",
        "bound",
        "medium",
    ),
    Invariant(
        "one-patient-per-chart",
        "While a chart is open, one patient's data is read",
        "when { trace.has(phi.access) and trace.has(chart.open) } "
        "always { trace.distinct(phi.access, patient.id) == 1 }",
        "distinct_one",
    ),
    Invariant(
        "break-glass-has-one-justification",
        "Emergency access is granted on exactly one justification",
        "when { trace.has(break_glass.grant) } always { trace.count(break_glass.justification) == 1 }",
        "exactly_one",
    ),
    Invariant(
        "break-glass-by-emergency-role",
        "Emergency access is for emergency physicians",
        "when { trace.has(phi.access).where(access.mode == break_glass) } always "
        "{ trace.every(phi.access).where(access.mode == break_glass).must(user.role == emergency_physician) }",
        "attr_implies",
    ),
    Invariant(
        "no-access-after-break-glass-closes",
        "Nothing is read after emergency access is closed",
        "when { trace.has(break_glass.close) and trace.has(phi.access) } "
        "always { trace.every(break_glass.close).must(not before(phi.access)) }",
        "not_after",
    ),
    Invariant(
        "transmission-needs-tls",
        "Health data is transmitted only where a TLS connection was made",
        "when { trace.has(phi.transmit) } always { trace.has(encryption.tls) }",
        "presence",
        "critical",
    ),
    Invariant(
        "tls-version-allowed",
        "TLS connections are of version 1.2 or 1.3",
        'when { trace.has(encryption.tls) } always { trace.every(encryption.tls).must(tls.version in ["1.2", "1.3"]) }',
        "allowed_values",
    ),
    Invariant(
        "consent-is-fresh",
        "Consent is checked at most two seconds before a transmission",
        "when { trace.has(phi.transmit) } always { trace.every(phi.transmit).must(after(consent.check, within 2s)) }",
        "gap_max",
    ),
    Invariant(
        "transmitted-once",
        "A transmission is sent once, however often it is asked for",
        "per transmission.id within 10m never { trace.count(phi.transmit) > 1 }",
        "global_unique",
    ),
    Invariant(
        "phi-is-encrypted-at-rest",
        "Health data that is stored is encrypted at rest",
        "when { trace.has(database.write).where(data_type == phi) } always { trace.has(encryption.at_rest) }",
        "presence",
        "critical",
    ),
    Invariant(
        "phi-is-stored-in-the-archive",
        "Health data is written to a database by the archive only",
        "when { trace.has(database.write).where(data_type == phi) } "
        "always { trace.every(database.write).where(data_type == phi).must(under(archive.store)) }",
        "under",
    ),
    Invariant(
        "research-export-without-identifiers",
        "A dataset for research never carries identifiers",
        "when { trace.has(dataset.build) } never { trace.has(research.export) and trace.has(identifiers.include) }",
        "not_together",
        "critical",
    ),
)
