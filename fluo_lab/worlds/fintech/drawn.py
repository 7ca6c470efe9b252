"""What the running system of accounts and its simulation share: how often things happen, and the values they carry.

"Confounder" marks what a miner could take for an invariant; a counterfactual run breaks it.
"""

from __future__ import annotations

from fluo_lab.worlds.fintech.questions import Choice, Happening, Number

WORKFLOWS = ("transfer", "payouts", "export", "statement", "customer", "admin", "day end", "balance")
WEIGHTS = (0.31, 0.22, 0.18, 0.08, 0.07, 0.05, 0.05, 0.04)

USERS = tuple(f"user-{number:03d}" for number in range(200))
USER = Number("user", 0, len(USERS) - 1)

# Every request
METERED = Happening("usage metered", 0.97, is_habit=True)  # Confounder: ubiquitous, beside everything.
METERED_LAST = Happening("usage metered last", 0.97, is_habit=True)  # Confounder: after everything.
# Confounder: near-constant.
REGION = Choice("region", ("eu-west-1", "eu-central-1"), (0.98, 0.02), ("us-east-1", "eu-north-1"))
CHANNEL = Choice("channel", ("web", "mobile", "api"), (5, 3, 2), ("branch",))

# Authorization
PAYMENTS, PAYOUTS = "payments:write", "payouts:run"
CUSTOMERS, ACCOUNTS, EXPORTS = "customers:read", "accounts:read", "exports:run"
ADMIN, LEDGER = "admin:write", "ledger:close"
DENIED = {
    scope: Happening(f"denied {scope}", rate)
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
CHECKED_REMOTELY = Happening("authorization checked remotely", 0.94, is_habit=True)
SCOPE_NAMED_IN_FULL = Happening("scope named in full", 1.0, is_habit=True)
ALLOWED_PLAINLY = Happening("allowed plainly", 1.0, is_habit=True)
PERSON_METHOD = Choice("authentication method", ("password", "mfa", "token"), (6, 3, 1), ("sms",))
# Confounder: scope, method.
MACHINE_METHOD = Choice("authentication of a job", ("mtls", "token"), (97, 3), ("password",))

# Approvals
APPROVED_FIRST = Happening("approved before the deed", 0.96, is_habit=True)  # Confounder: habitual order.
APPROVED_ANYHOW = Happening("approved below the limit", 0.05, is_habit=True)  # Confounder: approval without need.
POLICY_SHOWN = Happening("policy evaluated for the limits", 0.5, is_habit=True)
POLICY_EVALUATED = Happening("policy evaluated", 0.5, is_habit=True)
APPROVAL_ROUTE = Choice("approval route", ("four-eyes", "manager"), (7, 3), ("committee",))
LIMIT_CENTS = 10_000_00
WRONG_LIMIT_CENTS = 100_000_00
CONFIG_RELOADED = Happening("configuration reloaded", 0.03, is_habit=True)
RELOAD_SEEN = Happening("reload seen by the harmed", 0.6)  # Confounder: symptom of missing approvals.

# Audit
AUDITED = {
    action: Happening(f"audited {action}", 0.35, is_habit=True)
    for action in ("transaction.execute", "payout.run", "data.export", "admin.action", "ledger.close_day")
}
AUDITED_IN_LINE = Happening("access audited in line", 0.9, is_habit=True)  # Confounder: other ways to write the record.
AUDITED_AFTER = Happening("access audited afterwards", 0.97, is_habit=True)  # Confounder: habitual order, skewed clock.
RECORDED_IN_LINE = Happening("deed recorded in line", 0.06, is_habit=True)
RECORD_NEW = Happening("record of a deed new", 0.98, is_habit=True)
ACTION_NAMED = Happening("action named in full", 1.0, is_habit=True)

# Money
SMALL = Happening("small amount", 0.25)
HIGH = Happening("high amount", 0.7)
AT_LIMIT = Happening("amount at the limit", 0.1)  # People like round amounts, and amounts just below a limit.
VERY_HIGH = Happening("very high amount", 0.05)
HIGH_LEG = Happening("high amount in a payout", 0.6)
SMALL_CENTS = Number("cents of a small amount", 50, 5_000)
LOW_CENTS = Number("cents below the limit", 1, LIMIT_CENTS - 100, skew=3)
HIGH_CENTS = Number("cents above the limit", 0, 60_000_00, skew=3)
VERY_HIGH_CENTS = Number("cents above the wrong limit", 0, 40_000_00, skew=2)
ANY_CENTS = Number("any cents", 50, 500_000_00)
AMOUNT_USUAL = Happening("amount usual", 1.0, is_habit=True)
TYPE = Choice("transaction type", ("internal", "sepa", "instant"), (3, 5, 2))
CURRENCY = Choice("currency", ("EUR", "USD", "GBP"), (6, 2, 2), ("CHF",))
ONE_TYPE = Happening("paid as payout", 0.98, is_habit=True)  # Confounder: one type in a run.
ONE_CURRENCY_OF_RUN = Happening("run in one currency", 0.97, is_habit=True)  # Confounder: one currency in a run.
GROSS = Happening("posted gross", 0.97, is_habit=True)  # Confounder: the amount of a debit is that of its transaction.
WITHHELD_CENTS = Number("cents withheld", 1, 40)
# Confounder: a credit has its debit's amount.
ONE_CURRENCY = Happening("accounts in one currency", 0.97, is_habit=True)
CONVERTED_CENTS = Number("cents after conversion", 1, 900_000_00, skew=2)
EMPTIED = Happening("account emptied", 0.1)
BALANCE_CENTS = Number("cents left", 1, 500_000_00, skew=3, widest=(1, 90_000_000_00))
BOOKING_DATE = Choice(
    "booking date",
    tuple(f"2025-10-{day:02d}" for day in range(1, 21)),
    (1.0,) * 20,
    tuple(f"2025-11-{day:02d}" for day in range(1, 11)),
)

RECORDED_LAST = Happening("deed recorded last", 0.97, is_habit=True)  # Confounder: habitual order.
POSTED = Happening("posted with the execution", 0.97, is_habit=True)  # Confounder: a debit in each execution.

# Transfers
QUOTED = Happening("transfer only quoted", 0.04, is_habit=True)
LIMITS_SHOWN = Happening("limits shown", 0.25, is_habit=True)
LIMITS_FIRST = Happening("limits shown first", 0.95, is_habit=True)  # Confounder: habitual order.
LIMITS_SLOW = Happening("limits answer slowly", 0.08)
LIMITS_TIMEOUT_S = 0.5
LIMITS_SLOW_S = 0.9
LOOKED_UP = Happening("key looked up", 0.97, is_habit=True)  # Confounder: habitual, before each execution.
KEY_PLAIN = Happening("key looked up as it is", 0.97, is_habit=True)  # Confounder: one key on both spans.
SCREENED = Happening("sanctions screened", 0.96, is_habit=True)
FUNDS_CHECKED = Happening("funds checked", 0.96, is_habit=True)
SCREENED_FIRST = Happening("screened before funds", 0.97, is_habit=True)  # Confounder: order of independent steps.
UNFUNDED = Happening("funds missing", 0.04)
FEE_COMPUTED = Happening("fee computed", 0.9, is_habit=True)
FEE_FIRST = Happening("fee computed first", 0.96, is_habit=True)
FEE_POSTED = Happening("fee posted", 0.8, is_habit=True)
FEE_CENTS = Number("cents of the fee", 0, 30_00, skew=2, widest=(-20_00, 2_000_00))
SCREENING_SCORE = Number("screening score", 0, 60, skew=3, widest=(-40, 100))
CLIENT_REPEATS = Happening("client sends a transfer again", 0.07)
NOTIFIED = Happening("customer notified", 0.6, is_habit=True)
FEE_LEG = 8
"""Turn of the questions about a fee's posting; payments of a run have the turns from 0."""

# Payout runs
VALIDATED = Happening("run only validated", 0.03, is_habit=True)
LEGS = Number("payments of a run", 1, 3, skew=2, widest=(1, 4))
MOST_LEGS = 4
JOB_RESTARTED = Happening("payout job restarted", 0.12)  # Confounder: restarts that skip what was done.
FILE_SENT = Happening("payout file sent", 0.95, is_habit=True)
RECONCILED = Happening("ledger reconciled", 0.04, is_habit=True)
RECONCILED_LAST = Happening("reconciled after payment", 0.95, is_habit=True)
MISMATCH_SEEN = Happening("mismatch seen after a replay", 0.6)  # Confounder: symptom of replays.

# Settlement
LEFTOVERS = Happening("leftovers of the day before settled", 0.25, is_habit=True)
LEFTOVERS_CONFIRMED = Happening("leftovers confirmed", 0.9, is_habit=True)
SETTLED_LATER = Happening("settled in the background", 0.6, is_habit=True)
SETTLED_OUTSIDE = Happening("settled outside of the house", 0.9, is_habit=True)
CONFIRMED_LAST = Happening("confirmed after submission", 0.98, is_habit=True)  # Confounder: habitual order.
ACCEPTED = Happening("submission accepted", 0.92, is_habit=True)
CLEARING = Choice("clearing", ("step2", "rt1"), (8, 2), ("target",))
OUTCOME = Choice("settlement outcome", ("settled", "netted"), (9, 1), ("manual",))

# Files
LARGE = {
    kind: Happening(f"large file of {kind}", rate)
    for kind, rate in (("export", 0.85), ("payouts", 0.85), ("statement", 0.4))
}
HELD = Happening("file held for review", 0.04, is_habit=True)
HELD_ENCRYPTED = Happening("file held encrypted", 0.9, is_habit=True)
RENDERED = Happening("report rendered", 0.6, is_habit=True)
SPLIT = Happening("large file split", 0.6, is_habit=True)
COMPRESSED = Happening("file compressed", 0.92, is_habit=True)
COMPRESSED_FIRST = Happening("file compressed first", 0.97, is_habit=True)  # Confounder: compression before the export.
CLEANED_UP = Happening("file cleaned up", 0.7, is_habit=True)
UPLOAD_RETRIED = Happening("upload retried", 0.04, is_habit=True)
RETRIED_IN_CLEAR = Happening("upload in the clear retried", 0.6)  # Confounder: symptom of unencrypted exports.
LARGE_ROWS = 50_000
MANY_ROWS = Number("rows of a large file", LARGE_ROWS, 2_000_000, skew=2)
FEW_ROWS = Number("rows of a file", 1, LARGE_ROWS - 1, skew=2)
ROWS_USUAL = Happening("rows usual", 1.0, is_habit=True)
ANY_ROWS = Number("any rows", 0, 9_000_000)
DESTINATION = Choice("destination", ("sftp", "s3", "download"), (5, 3, 2), ("email",))
# Confounder: near-constant.
ALGORITHM = Choice("algorithm", ("aes-256-gcm", "chacha20-poly1305"), (98, 2), ("aes-128-gcm",))
COLLECTED = Happening("export collected afresh", 0.95, is_habit=True)
EXPORT_KIND = Choice("kind of export", ("transactions", "ledger", "customers"), (4, 2, 4), ("tax",))
EXPORT_NAMES_PEOPLE = Happening("export names people", 0.95, is_habit=True)
ENCRYPTION_KEY = Number("encryption key", 1, 12, widest=(0, 90))

# Personal data
PERSONAL_FIELDS = Number("personal fields", 1, 9, widest=(0, 60))
MASKED = Happening("customer shown masked", 0.15)
ADDRESS_PRINTED = Happening("address printed", 0.6, is_habit=True)
CUSTOMER_READ_AT_ONCE = Happening("customer read at once", 0.7, is_habit=True)

# Statements, balances, the day's end, administration
READ_AT_ONCE = Happening("customer and account read at once", 0.8, is_habit=True)
STATEMENT_SENT = Happening("statement sent as a file", 0.35)
ACCOUNT_READ = Happening("account read", 0.9, is_habit=True)
BALANCE_COMPUTED = Happening("balance computed", 0.9, is_habit=True)
POSTINGS_READ = Happening("postings read", 0.85, is_habit=True)
SPAN_LOST = Happening("span lost", 0.04)  # Confounder: incomplete traces.
ACCRUALS = Number("accruals", 0, 3, widest=(0, 4))
MOST_ACCRUALS = 4
ACCRUED = Happening("interest to post", 0.95, is_habit=True)
ACCRUED_CENTS = Number("cents of interest", 1, 90_00, skew=2, widest=(1, 90_000_00))
CLOSED = Happening("day closed", 0.88)
CLOSED_ON_BOOKING_DATE = Happening("closed on the booking date", 0.96, is_habit=True)
RENDERED_LAST = Happening("report rendered after closing", 0.95, is_habit=True)  # Confounder: habitual order.
DRY_RUN = Happening("dry run", 0.12, is_habit=True)
DRY_RUN_APPROVED = Happening("dry run approved", 0.8, is_habit=True)
DRY_RUN_TRIED = Happening("dry run tried", 0.7, is_habit=True)
OPERATION = Choice("operation", ("grant", "revoke", "reset", "freeze"), (4, 3, 2, 1), ("merge",))
