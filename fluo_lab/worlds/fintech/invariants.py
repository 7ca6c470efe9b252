"""What holds in the system of accounts: the rules its code keeps, except where an incident breaks them."""

from __future__ import annotations

from fluo_lab.worlds.world import Invariant

__all__ = ["INVARIANTS"]

INVARIANTS: tuple[Invariant, ...] = (
    Invariant(
        "pii-access-leaves-audit-log",
        "Whoever reads personal data leaves an audit record",
        "when { trace.has(pii.access) } always { trace.has(audit.log) }",
        "presence",
        "critical",
    ),
    Invariant(
        "audit-log-names-the-customer",
        "The audit record of an access names the customer whose data was read",
        "when { trace.has(pii.access) and trace.has(audit.log) } "
        "always { trace.every(pii.access).must(beside(audit.log, same customer.id)) }",
        "same_value",
    ),
    Invariant(
        "authorization-before-execution",
        "Nothing is executed before somebody was authorized",
        "when { trace.has(transaction.execute) } always { trace.every(transaction.execute).must(after(auth.check)) }",
        "precedence",
        "critical",
    ),
    Invariant(
        "denied-request-moves-no-money",
        "A request to pay that was denied moves no money",
        "when { trace.has(auth.check).where(auth.decision == denied) } never { trace.has(transaction.execute) }",
        "absence",
        "critical",
    ),
    Invariant(
        "high-value-transaction-needs-approval",
        "Transactions of 10,000 and more need an approval",
        "when { trace.has(transaction.execute).where(amount >= 10000) } always { trace.has(approval.record) }",
        "presence",
        "critical",
    ),
    Invariant(
        "admin-action-needs-approval",
        "An administrative action needs an approval",
        "when { trace.has(admin.action) } always { trace.has(approval.record) }",
        "presence",
    ),
    Invariant(
        "approver-is-not-initiator",
        "Nobody approves what they asked for themselves",
        "when { trace.has(approval.record) } "
        "never { trace.has(approval.record).where(approver.id == attr(initiator.id)) }",
        "absence",
        "critical",
    ),
    Invariant(
        "approval-recorded-by-approvals",
        "Approvals are recorded by the approvals service, when it is asked for one",
        'when { trace.has(approval.record) } always { trace.every(approval.record).must(child_of("POST /approvals")) }',
        "child_of",
        "medium",
    ),
    Invariant(
        "payment-rights-need-strong-authentication",
        "The right to pay is given only after strong authentication",
        'when { trace.has(auth.check).where(auth.scope == "payments:write") } '
        'always { trace.every(auth.check).where(auth.scope == "payments:write").must(auth.method == mfa) }',
        "attr_implies",
        "critical",
    ),
    Invariant(
        "debit-credited-before-next-debit",
        "Every debit is followed by a credit before the next debit",
        "when { trace.has(ledger.debit) } "
        "always { trace.every(ledger.debit).must(before(ledger.credit, without ledger.debit)) }",
        "alternate_response",
        "critical",
    ),
    Invariant(
        "debits-equal-credits",
        "A trace has as many credits as debits",
        "when { trace.has(ledger.debit) } always { trace.count(ledger.debit) == trace.count(ledger.credit) }",
        "count_equal",
        "critical",
    ),
    Invariant(
        "credit-belongs-to-a-debit",
        "A credit carries the posting id of a debit",
        "when { trace.has(ledger.credit) and trace.has(ledger.debit) } "
        "always { trace.every(ledger.credit).must(beside(ledger.debit, same posting.id)) }",
        "same_value",
    ),
    Invariant(
        "balance-never-negative",
        "A debit never leaves an account below zero",
        "when { trace.has(ledger.debit) } always { trace.every(ledger.debit).must(balance.after >= 0) }",
        "bound",
    ),
    Invariant(
        "one-booking-date",
        "All debits of a trace are booked on one day",
        "when { trace.has(ledger.debit) } always { trace.distinct(ledger.debit, booking.date) == 1 }",
        "distinct_one",
        "medium",
    ),
    Invariant(
        "no-debit-after-close",
        "Nothing is debited once the day has been closed",
        "when { trace.has(ledger.close_day) and trace.has(ledger.debit) } "
        "never { trace.has(ledger.debit).where(after(ledger.close_day)) }",
        "not_after",
    ),
    Invariant(
        "idempotency-key-executes-once",
        "An idempotency key is executed once, however often it is sent",
        "per idempotency.key within 30m never { trace.count(transaction.execute) > 1 }",
        "global_unique",
        "critical",
    ),
    Invariant(
        "created-transfer-executes-once",
        "A transfer that was created was executed exactly once",
        'when { trace.has("POST /transfers").where(http.response.status_code == 201) } '
        "always { trace.count(transaction.execute) == 1 }",
        "exactly_one",
    ),
    Invariant(
        "known-transaction-type",
        "Transactions are of a type the ledger knows",
        "when { trace.has(transaction.execute) } "
        "always { trace.every(transaction.execute).must(transaction.type in [internal, sepa, instant, payout]) }",
        "allowed_values",
        "medium",
    ),
    Invariant(
        "fee-not-above-amount",
        "A fee is never above the amount it is taken for",
        "when { trace.has(fee.compute) and trace.has(transaction.execute) } "
        "always { trace.max(fee.compute, fee.amount) <= trace.min(transaction.execute, amount) }",
        "value_le",
    ),
    Invariant(
        "transaction-settled-in-time",
        "Every transaction is settled within five seconds",
        "when { trace.has(transaction.execute) } "
        "always { trace.every(transaction.execute).must(before(settlement.confirm, within 5s)) }",
        "gap_max",
    ),
    Invariant(
        "at-most-three-submissions",
        "A settlement is submitted three times at most",
        "when { trace.has(settlement.submit) } always { trace.count(settlement.submit) <= 3 }",
        "at_most",
        "medium",
    ),
    Invariant(
        "submissions-are-numbered",
        "Attempts to submit a settlement are numbered in order",
        "when { trace.has(settlement.submit) } always { trace.rising(settlement.submit, attempt) }",
        "monotone",
        "low",
    ),
    Invariant(
        "export-encrypted-before-it-leaves",
        "Data is encrypted before it leaves",
        "when { trace.has(data.export) } always { trace.every(data.export).must(after(encryption.applied)) }",
        "precedence",
        "critical",
    ),
)
