"""What the running system of accounts and its simulation share: how often things happen, and the values they carry.

"Confounder" marks what a miner could take for an invariant; a counterfactual run breaks it.
"""

from __future__ import annotations

from fluo_lab.worlds.questions import HowMany, Whether, Which

WORKFLOWS = ("transfer", "payouts", "export", "statement", "customer", "admin", "day end", "balance")
WEIGHTS = (0.31, 0.22, 0.18, 0.08, 0.07, 0.05, 0.05, 0.04)

USERS = tuple(f"user-{number:03d}" for number in range(200))
USER = HowMany("user", 0, len(USERS) - 1)

# Every request
METERED = Whether("usage metered", 0.97, is_habit=True)  # Confounder: ubiquitous, beside everything.
METERED_LAST = Whether("usage metered last", 0.97, is_habit=True)  # Confounder: after everything.
# Confounder: near-constant.
REGION = Which("region", ("eu-west-1", "eu-central-1"), (0.98, 0.02), odd="us-east-1")
CHANNEL = Which("channel", ("web", "mobile", "api"), (5, 3, 2), odd="branch")

# Authorization
PAYMENTS, PAYOUTS = "payments:write", "payouts:run"
CUSTOMERS, ACCOUNTS, EXPORTS = "customers:read", "accounts:read", "exports:run"
ADMIN, LEDGER = "admin:write", "ledger:close"
DENIED = {
    scope: Whether(f"denied {scope}", rate)
    for scope, rate in (
        (PAYMENTS, 0.05),
        (PAYOUTS, 0.02),
        (CUSTOMERS, 0.06),
        (ACCOUNTS, 0.04),
        (EXPORTS, 0.05),
        (ADMIN, 0.08),
        (LEDGER, 0.03),
    )
}
# Confounder: auth.check is nearly everywhere.
CHECKED_REMOTELY = Whether("authorization checked remotely", 0.94, is_habit=True)
SCOPE_NAMED_IN_FULL = Whether("scope named in full", 1.0, is_habit=True)
ALLOWED_PLAINLY = Whether("allowed plainly", 1.0, is_habit=True)
PERSON_METHOD = Which("authentication method", ("password", "mfa", "token"), (6, 3, 1), odd="sms")
# Confounder: scope, method.
MACHINE_METHOD = Which("authentication of a job", ("mtls", "token"), (97, 3), odd="password")

# Approvals
APPROVED_FIRST = Whether("approved before the deed", 0.96, is_habit=True)  # Confounder: habitual order.
APPROVED_ANYHOW = Whether("approved below the limit", 0.05, is_habit=True)  # Confounder: approval without need.
POLICY_SHOWN = Whether("policy evaluated for the limits", 0.5, is_habit=True)
POLICY_EVALUATED = Whether("policy evaluated", 0.5, is_habit=True)
APPROVAL_ROUTE = Which("approval route", ("four-eyes", "manager"), (7, 3), odd="committee")
LIMIT_CENTS = 10_000_00
WRONG_LIMIT_CENTS = 100_000_00
CONFIG_RELOADED = Whether("configuration reloaded", 0.03, is_habit=True)
RELOAD_SEEN = Whether("reload seen by the harmed", 0.6)  # Confounder: symptom of missing approvals.

# Audit
AUDITED = {
    action: Whether(f"audited {action}", 0.35, is_habit=True)
    for action in ("transaction.execute", "payout.run", "data.export", "admin.action", "ledger.close_day")
}
AUDITED_IN_LINE = Whether("access audited in line", 0.9, is_habit=True)  # Confounder: other ways to write the record.
AUDITED_AFTER = Whether("access audited afterwards", 0.97, is_habit=True)  # Confounder: habitual order, skewed clock.
RECORDED_IN_LINE = Whether("deed recorded in line", 0.06, is_habit=True)
RECORD_NEW = Whether("record of a deed new", 0.98, is_habit=True)
ACTION_NAMED = Whether("action named in full", 1.0, is_habit=True)

# Money
SMALL = Whether("small amount", 0.25)
HIGH = Whether("high amount", 0.7)
AT_LIMIT = Whether("amount at the limit", 0.1)  # People like round amounts, and amounts just below a limit.
VERY_HIGH = Whether("very high amount", 0.05)
HIGH_LEG = Whether("high amount in a payout", 0.6)
SMALL_CENTS = HowMany("cents of a small amount", 50, 5_000)
LOW_CENTS = HowMany("cents below the limit", 1, LIMIT_CENTS - 100, skew=3)
HIGH_CENTS = HowMany("cents above the limit", 0, 60_000_00, skew=3)
VERY_HIGH_CENTS = HowMany("cents above the wrong limit", 0, 40_000_00, skew=2)
ANY_CENTS = HowMany("any cents", 50, 500_000_00)
AMOUNT_USUAL = Whether("amount usual", 1.0, is_habit=True)
TYPE = Which("transaction type", ("internal", "sepa", "instant"), (3, 5, 2))
CURRENCY = Which("currency", ("EUR", "USD", "GBP"), (6, 2, 2), odd="CHF")
ONE_TYPE = Whether("paid as payout", 0.98, is_habit=True)  # Confounder: one type in a run.
ONE_CURRENCY_OF_RUN = Whether("run in one currency", 0.97, is_habit=True)  # Confounder: one currency in a run.
GROSS = Whether("posted gross", 0.97, is_habit=True)  # Confounder: the amount of a debit is that of its transaction.
WITHHELD_CENTS = HowMany("cents withheld", 1, 40)
# Confounder: a credit has its debit's amount.
ONE_CURRENCY = Whether("accounts in one currency", 0.97, is_habit=True)
CONVERTED_CENTS = HowMany("cents after conversion", 1, 900_000_00, skew=2)
EMPTIED = Whether("account emptied", 0.1)
BALANCE_CENTS = HowMany("cents left", 1, 500_000_00, skew=3, widest=(1, 90_000_000_00))
BOOKING_DATE = Which(
    "booking date",
    tuple(f"2025-10-{day:02d}" for day in range(1, 21)),
    (1.0,) * 20,
    odd="2025-11-01",
)

RECORDED_LAST = Whether("deed recorded last", 0.97, is_habit=True)  # Confounder: habitual order.
POSTED = Whether("posted with the execution", 0.97, is_habit=True)  # Confounder: a debit in each execution.

# Transfers
QUOTED = Whether("transfer only quoted", 0.04, is_habit=True)
LIMITS_SHOWN = Whether("limits shown", 0.25, is_habit=True)
LIMITS_FIRST = Whether("limits shown first", 0.95, is_habit=True)  # Confounder: habitual order.
LIMITS_SLOW = Whether("limits answer slowly", 0.08)
LIMITS_TIMEOUT_S = 0.5
LIMITS_SLOW_S = 0.9
LOOKED_UP = Whether("key looked up", 0.97, is_habit=True)  # Confounder: habitual, before each execution.
KEY_PLAIN = Whether("key looked up as it is", 0.97, is_habit=True)  # Confounder: one key on both spans.
SCREENED = Whether("sanctions screened", 0.96, is_habit=True)
FUNDS_CHECKED = Whether("funds checked", 0.96, is_habit=True)
SCREENED_FIRST = Whether("screened before funds", 0.97, is_habit=True)  # Confounder: order of independent steps.
UNFUNDED = Whether("funds missing", 0.04)
FEE_COMPUTED = Whether("fee computed", 0.9, is_habit=True)
FEE_FIRST = Whether("fee computed first", 0.96, is_habit=True)
FEE_POSTED = Whether("fee posted", 0.8, is_habit=True)
FEE_CENTS = HowMany("cents of the fee", 0, 30_00, skew=2, widest=(-20_00, 2_000_00))
SCREENING_SCORE = HowMany("screening score", 0, 60, skew=3, widest=(-1, 100))
CLIENT_REPEATS = Whether("client sends a transfer again", 0.07)
NOTIFIED = Whether("customer notified", 0.6, is_habit=True)
FEE_LEG = 8
"""Turn of the questions about a fee's posting; payments of a run have the turns from 0."""

# Payout runs
VALIDATED = Whether("run only validated", 0.03, is_habit=True)
LEGS = HowMany("payments of a run", 1, 3, skew=2, widest=(1, 4))
MOST_LEGS = 4
JOB_RESTARTED = Whether("payout job restarted", 0.12)  # Confounder: restarts that skip what was done.
FILE_SENT = Whether("payout file sent", 0.95, is_habit=True)
RECONCILED = Whether("ledger reconciled", 0.04, is_habit=True)
RECONCILED_LAST = Whether("reconciled after payment", 0.95, is_habit=True)
MISMATCH_SEEN = Whether("mismatch seen after a replay", 0.6)  # Confounder: symptom of replays.

# Settlement
LEFTOVERS = Whether("leftovers of the day before settled", 0.25, is_habit=True)
LEFTOVERS_CONFIRMED = Whether("leftovers confirmed", 0.9, is_habit=True)
SETTLED_LATER = Whether("settled in the background", 0.6, is_habit=True)
SETTLED_OUTSIDE = Whether("settled outside of the house", 0.9, is_habit=True)
CONFIRMED_LAST = Whether("confirmed after submission", 0.98, is_habit=True)  # Confounder: habitual order.
ACCEPTED = Whether("submission accepted", 0.92, is_habit=True)
CLEARING = Which("clearing", ("step2", "rt1"), (8, 2), odd="target")
OUTCOME = Which("settlement outcome", ("settled", "netted"), (9, 1), odd="manual")

# Files
LARGE = {
    kind: Whether(f"large file of {kind}", rate)
    for kind, rate in (("export", 0.85), ("payouts", 0.85), ("statement", 0.4))
}
HELD = Whether("file held for review", 0.04, is_habit=True)
HELD_ENCRYPTED = Whether("file held encrypted", 0.9, is_habit=True)
RENDERED = Whether("report rendered", 0.6, is_habit=True)
SPLIT = Whether("large file split", 0.6, is_habit=True)
COMPRESSED = Whether("file compressed", 0.92, is_habit=True)
COMPRESSED_FIRST = Whether("file compressed first", 0.97, is_habit=True)  # Confounder: compression before the export.
CLEANED_UP = Whether("file cleaned up", 0.7, is_habit=True)
UPLOAD_RETRIED = Whether("upload retried", 0.04, is_habit=True)
RETRIED_IN_CLEAR = Whether("upload in the clear retried", 0.6)  # Confounder: symptom of unencrypted exports.
LARGE_ROWS = 50_000
MANY_ROWS = HowMany("rows of a large file", LARGE_ROWS, 2_000_000, skew=2)
FEW_ROWS = HowMany("rows of a file", 1, LARGE_ROWS - 1, skew=2)
ROWS_USUAL = Whether("rows usual", 1.0, is_habit=True)
ANY_ROWS = HowMany("any rows", 0, 9_000_000)
DESTINATION = Which("destination", ("sftp", "s3", "download"), (5, 3, 2), odd="email")
# Confounder: near-constant.
ALGORITHM = Which("algorithm", ("aes-256-gcm", "chacha20-poly1305"), (98, 2), odd="aes-128-gcm")
COLLECTED = Whether("export collected afresh", 0.95, is_habit=True)
EXPORT_KIND = Which("kind of export", ("transactions", "ledger", "customers"), (4, 2, 4), odd="tax")
EXPORT_NAMES_PEOPLE = Whether("export names people", 0.95, is_habit=True)
ENCRYPTION_KEY = HowMany("encryption key", 1, 12, widest=(0, 90))

# Personal data
PERSONAL_FIELDS = HowMany("personal fields", 1, 9, widest=(0, 60))
MASKED = Whether("customer shown masked", 0.15)
ADDRESS_PRINTED = Whether("address printed", 0.6, is_habit=True)
CUSTOMER_READ_AT_ONCE = Whether("customer read at once", 0.7, is_habit=True)

# Statements, balances, the day's end, administration
READ_AT_ONCE = Whether("customer and account read at once", 0.8, is_habit=True)
STATEMENT_SENT = Whether("statement sent as a file", 0.35)
ACCOUNT_READ = Whether("account read", 0.9, is_habit=True)
BALANCE_COMPUTED = Whether("balance computed", 0.9, is_habit=True)
POSTINGS_READ = Whether("postings read", 0.85, is_habit=True)
SPAN_LOST = Whether("span lost", 0.04)  # Confounder: incomplete traces.
ACCRUALS = HowMany("accruals", 0, 3, widest=(0, 6))
MOST_ACCRUALS = 6
ACCRUED = Whether("interest to post", 0.95, is_habit=True)
ACCRUED_CENTS = HowMany("cents of interest", 1, 90_00, skew=2, widest=(1, 90_000_00))
CLOSED = Whether("day closed", 0.88)
CLOSED_ON_BOOKING_DATE = Whether("closed on the booking date", 0.96, is_habit=True)
RENDERED_LAST = Whether("report rendered after closing", 0.95, is_habit=True)  # Confounder: habitual order.
DRY_RUN = Whether("dry run", 0.12, is_habit=True)
DRY_RUN_APPROVED = Whether("dry run approved", 0.8, is_habit=True)
DRY_RUN_TRIED = Whether("dry run tried", 0.7, is_habit=True)
OPERATION = Which("operation", ("grant", "revoke", "reset", "freeze"), (4, 3, 2, 1), odd="merge")
