"""What always holds in the application, except where an incident breaks it."""

from __future__ import annotations

from fluo_lab.worlds.world import Invariant

__all__ = ["INVARIANTS"]

INVARIANTS: tuple[Invariant, ...] = (
    Invariant(
        "tenant-data-is-filtered",
        "Queries on tenant data filter by tenant",
        'when { trace.has(database.query).where(table contains "tenant_data") } always '
        '{ trace.every(database.query).where(table contains "tenant_data").must(tenant_filter == true) }',
        "attr_implies",
        "critical",
    ),
    Invariant(
        "query-in-tenant-of-request",
        "A query runs for the tenant of its request",
        "when { trace.has(database.query) and trace.has(api.request) } "
        "always { trace.every(database.query).must(beside(api.request, same tenant.id)) }",
        "same_value",
        "critical",
    ),
    Invariant(
        "context-before-query",
        "A tenant's context is loaded before anything is queried",
        "when { trace.has(database.query) } always { trace.every(database.query).must(after(tenant.context_loaded)) }",
        "precedence",
    ),
    Invariant(
        "admin-action-has-context",
        "Administrators act only where a tenant's context is loaded",
        "when { trace.has(admin.action) } always { trace.has(tenant.context_loaded) }",
        "presence",
    ),
    Invariant(
        "action-is-audited",
        "There are as many audit records as admin actions",
        "when { trace.has(admin.action) } always { trace.count(admin.action) == trace.count(audit.record) }",
        "count_equal",
        "critical",
    ),
    Invariant(
        "record-names-the-actor",
        "An audit record names somebody who acted",
        "when { trace.has(audit.record) and trace.has(admin.action) } "
        "always { trace.every(audit.record).must(beside(admin.action, same user.id)) }",
        "same_value",
        "medium",
    ),
    Invariant(
        "write-in-transaction",
        "Where something is written, a transaction is begun",
        "when { trace.has(database.query).where(operation == write) } always { trace.has(transaction.begin) }",
        "presence",
    ),
    Invariant(
        "commit-after-begin",
        "A commit comes after the begin of a transaction",
        "when { trace.has(transaction.commit) } "
        "always { trace.every(transaction.commit).must(after(transaction.begin)) }",
        "precedence",
        "medium",
    ),
    Invariant(
        "at-most-three-transactions",
        "No request begins more than three transactions",
        "when { trace.has(transaction.begin) } always { trace.count(transaction.begin) <= 3 }",
        "at_most",
        "medium",
    ),
    Invariant(
        "attempts-rise",
        "Attempts of a transaction are numbered upwards",
        "when { trace.has(transaction.begin) } always { trace.rising(transaction.begin, attempt) }",
        "monotone",
        "low",
    ),
    Invariant(
        "query-in-tenant-scope",
        "Queries run inside a tenant scope",
        "when { trace.has(database.query) } always { trace.every(database.query).must(under(tenant.scope)) }",
        "under",
    ),
    Invariant(
        "plan-is-known",
        "A tenant has one of the plans on sale",
        "when { trace.has(tenant.context_loaded) } always "
        "{ trace.every(tenant.context_loaded).must(tenant.plan in [free, team, business, enterprise]) }",
        "allowed_values",
        "low",
    ),
    Invariant(
        "suspended-never-writes",
        "Nothing is written for a suspended tenant",
        "when { trace.has(tenant.suspended) } never { trace.has(database.query).where(operation == write) }",
        "absence",
    ),
    Invariant(
        "query-within-statement-timeout",
        "No query takes longer than two seconds",
        "when { trace.has(database.query) } always { trace.every(database.query).must(span.duration <= 2s) }",
        "duration_max",
    ),
    Invariant(
        "report-within-row-limit",
        "A report has no more rows than the tenant's plan allows",
        'when { trace.has("report render") and trace.has(tenant.context_loaded) } always '
        '{ trace.max("report render", report.rows) <= trace.min(tenant.context_loaded, tenant.row_limit) }',
        "value_le",
        "medium",
    ),
    Invariant(
        "large-report-is-compressed",
        "Reports of more than 10,000 rows are compressed",
        'when { trace.has("report render").where(report.rows > 10000) } always { trace.has(report.compress) }',
        "presence",
        "low",
    ),
    Invariant(
        "report-is-stored",
        "A rendered report is stored",
        'when { trace.has("report render") } always { trace.every("report render").must(before(report.store)) }',
        "response",
        "medium",
    ),
)
