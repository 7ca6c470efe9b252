"""What the running services and their simulation share: odds, pools of values and the wording of questions.

Both sides import this module by name (``drawn.STALLED.ask(chance)``), so that a question is recognised as one.

Turns: one access to health data has a slot, from 0 on, and everything about it is asked with the slot as its turn.
The constants ``…_SLOT`` are the slots of audit entries and stored objects that belong to no access.
"""

from __future__ import annotations

from typing import overload

import numpy as np

from fluo_lab.worlds.chance import Chance, Chances
from fluo_lab.worlds.health.incidents import PHI_ACCESS_WITHOUT_AUDIT, TRANSMIT_WITHOUT_TLS
from fluo_lab.worlds.questions import HowMany, Integers, Mask, Whether, Which
from fluo_lab.worlds.world import Run

_NEXT_PATIENT = 7
_GUARDIAN = 300

# Workflows, in the order of their weights.
READ_CHART, WARD_ROUND, UPDATE, BREAK_GLASS, TRANSMIT, NIGHTLY, APPOINTMENT = range(7)
WORKFLOW_WEIGHTS = (0.11, 0.29, 0.12, 0.06, 0.30, 0.06, 0.06)

# Small steps that are repeated, and attempts that are numbered.
AGAIN = 64  # added to the turns of questions about a step done for the second time
ATTEMPTS_FROM_ONE = Whether("attempts from one", 1.0, is_habit=True)

# Who reads, and whose data.
USERS = tuple(f"user-{number:03d}" for number in range(60))
PATIENTS = tuple(f"patient-{number:04d}" for number in range(600))
SCHEDULER = "svc-scheduler"
EMERGENCY = "emergency_physician"
ROLE = Which("role", ("physician", "nurse", EMERGENCY, "clerk"), (5, 4, 2, 1), odd="locum")
PATIENT_ROLE = "patient"
ROLES = (*ROLE.options, PATIENT_ROLE)
RECORDS_ACCOUNT = "svc-records"
ACTORS = (*USERS, RECORDS_ACCOUNT, SCHEDULER)
RECORDS_ACCOUNT_CODE = ACTORS.index(RECORDS_ACCOUNT)
SCHEDULER_CODE = ACTORS.index(SCHEDULER)
OTHER_ROLE_TURN = 40

# The portal. Common cause: most requests pass the rate limit, so that it precedes nearly everything else.
RATE_LIMITS = Whether("rate limit", 0.97, is_habit=True)  # ubiquitous span
RATE_FIRST = Whether("rate limit first", 0.97, is_habit=True)  # habitual order
NO_COOKIE = Whether("no session cookie", 0.008)
PORTAL_SIGNS_IN = Whether("portal signs in", 0.96, is_habit=True)  # habitual order: else the record service does, later
GOES_ON = Whether("portal goes on", 0.975, is_habit=True)  # else it answers at once, from what it knows already
RATE_REMAINING = HowMany("rate remaining", 1, 600, widest=(0, 2_400))
PAGE_SHOWN = Whether("page shown", 0.9, is_habit=True)
PAGE_LAST = Whether("page last", 0.96, is_habit=True)  # habitual order: else its skeleton is sent first
TEMPLATE_LOADS = Whether("template loaded", 0.95, is_habit=True)
PAGE_LANGUAGE = Which("page language", ("de", "en", "fr"), (6, 3, 1), odd="it")
PAGE_LOST = Whether("page lost", 0.009)  # lost span that has a child
USAGE_REPORTED = Whether("usage reported", 0.8, is_habit=True)  # asynchronous child that outlives its parent
USAGE_LAST = Whether("usage last", 0.96, is_habit=True)  # habitual order

# Identity.
LOGIN = Whether("login", 0.25)
LOGIN_WRITES = Whether("login writes a session", 0.9, is_habit=True)
SESSION_ROWS = HowMany("session rows", 1, 2, widest=(0, 8))
TOKEN_VERIFIES = Whether("token verified", 0.95, is_habit=True)  # ubiquitous span
TOKEN_FIRST = Whether("token first", 0.96, is_habit=True)  # habitual order
TOKEN_ALGORITHM = Which("token algorithm", ("ES256", "RS256"), (3, 1), odd="HS512")
REJECTED = Whether("sign-in rejected", 0.03)
REJECTION_SHOWN = Whether("rejection shown", 0.95, is_habit=True)
REJECTED_BECAUSE = Which("rejected because", ("expired", "revoked"), (3, 1), odd="clock skew")
AUTH_METHOD = Which("auth method", ("sso", "badge", "password"), (5, 3, 1), odd="pin")
FRAMEWORK = Which("framework", ("HIPAA", "GDPR"), (100, 2), odd="HITECH")  # near-constant attribute
AUTH_CONTROL = Which("authentication control", ("164.312(a)", "164.308(a)"), (100, 2), odd="164.310")

# Access to records.
AUDIT_CLIENT_OPENS = Whether("audit client opens", 0.85, is_habit=True)
AUDIT_CLIENT = Which("audit client", ("2.3.1", "2.4.0"), (97, 3), odd="2.2.7")  # near-constant attribute
DROPPING_CLIENT = "2.4.0"
POLICY_EVALUATES = Whether("policy evaluated", 0.97, is_habit=True)  # ubiquitous span
AUDIT_CLIENT_EARLY = Whether("audit client early", 0.96, is_habit=True)  # habitual order
POLICY_EARLY = Whether("policy early", 0.96, is_habit=True)  # habitual order: else evaluated for the record, afterwards
POLICY_FIRST = Whether("policy first", 0.96, is_habit=True)  # habitual order
POLICY_VERSION = Which("policy version", ("2025-06", "2025-09"), (1, 4), odd="draft")
CHART_OPENS = Whether("chart opens", 0.85, is_habit=True)
CHART_KIND = Which("chart kind", ("inpatient", "outpatient", "maternity"), (4, 5, 1), odd="dental")
NOT_FOUND = Whether("record not found", 0.04)
ACCESS_COUNT_WEIGHTS = (6, 3, 1)
FAMILY = Whether("family chart", 0.3)
SELF_SERVICE = Whether("self-service", 0.25)  # two workflows under one name: staff and patients read charts
ROLE_KEPT = Whether("role kept", 0.97, is_habit=True)
DATABASE = Which("database", ("postgresql", "cockroachdb"), (100, 2), odd="mariadb")  # near-constant attribute
TABLE = Which("table", ("records", "records_2024"), (200, 3), odd="records_test")  # near-constant attribute
PLAIN_MODE = Whether("plain mode", 1.0, is_habit=True)
PROXY_MODE, EMERGENCY_MODE = "proxy", "break_glass"
QUERIES = Whether("query", 0.45)
QUERY_INSIDE = Whether("query inside the access", 0.96, is_habit=True)
ACCESS_DATA_TYPE = Which(
    "accessed data", ("phi", "limited_data_set"), (200, 3), odd="deidentified"
)  # near-constant attribute
SEQUENCE_START = HowMany("access sequence start", 1, 1, widest=(0, 4))
RECORDS_FOUND = HowMany("matching records", 1, 90, skew=2, widest=(0, 360))
PAGE_SIZE = 50
NO_LINK = Whether("no linked chart", 0.97, is_habit=True)  # a linked chart leaves an audit entry of another patient
CENSUS_LOADS = Whether("census loaded", 0.9, is_habit=True)
CENSUS_EARLY = Whether("census early", 0.95, is_habit=True)  # habitual order
CENSUS_FIRST = Whether("census first", 0.9, is_habit=True)  # habitual order
WARD = Which("ward", ("A1", "A2", "B1", "ICU"), (3, 3, 2, 1), odd="overflow")
WARD_COUNT_WEIGHTS = (14, 5, 1)
WARD_IS_USUAL = Whether("ward is usual", 0.985, is_habit=True)
ODD_WARD_COUNTS = (0, 6)
COSIGNED = Whether("round cosigned", 0.08)
VALIDATES = Whether("record validated", 0.95, is_habit=True)
NO_THIRD_SIGNATURE = Whether("no third signature", 0.997, is_habit=True)
VALIDATES_BY_RULE = Whether("validates without a query", 0.92, is_habit=True)
CHANGES = Whether("update changes something", 0.97, is_habit=True)
READS_BACK = Whether("update reads", 0.97, is_habit=True)  # else it is written blindly
UPDATE_DATA_TYPE = Which("updated data", ("phi", "attachment"), (97, 3), odd="note")
STORES = Whether("update stored", 0.96, is_habit=True)
PUBLISHED_LAST = Whether("published last", 0.96, is_habit=True)  # habitual order
INVALID = Whether("record invalid", 0.04)
STORED_LAST = Whether("stored last", 0.95, is_habit=True)  # habitual order
SHARED = Whether("update shared", 0.65)
FIRST_OTHER_SLOT = 10
LINK_SLOT, UPDATE_SLOT, APPOINTMENT_STORE = 10, 11, 12

# Emergency access.
EMERGENCY_ASKS = Whether("emergency physician asks", 0.8)
WITNESSED = Whether("witness signs in", 0.4)
JUSTIFICATIONS_OF_DENIED_WEIGHTS = (3, 5, 2)
GRANTED_NOW = Whether("granted now", 0.96, is_habit=True)  # else on a grant of the day, justified before
RECORDED_FIRST = Whether("grant recorded first", 0.96, is_habit=True)  # habitual order: else written down afterwards
JUSTIFIED_FIRST = Whether("justified first", 0.96, is_habit=True)  # habitual order
JUSTIFICATION_LENGTH = HowMany("justification length", 20, 400, skew=2, widest=(0, 1_600))
REASON_CODE = Which("reason code", ("trauma", "cardiac", "sepsis"), (4, 3, 1), odd="disaster")
GRANT_MINUTES = HowMany("grant minutes", 15, 60, widest=(0, 240))
EMERGENCY_ACCESS_COUNT_WEIGHTS = (1, 5, 4)
VICTIMS = Whether("several victims", 0.4)
CLOSES = Whether("break-glass closes", 0.9, is_habit=True)
ALERTED = Whether("supervisor alerted", 0.93, is_habit=True)
ALERT_CHANNEL = Which("alert channel", ("pager", "mail"), (3, 1), odd="phone")
GRANT_LOGGED = Whether("grant logged", 0.5)
REFUSAL_SHOWN = Whether("refusal shown", 0.95, is_habit=True)
REFUSAL_LOGGED = Whether("refusal logged", 0.93, is_habit=True)
GRANT_SLOT, REFUSAL_SLOT = 13, 14

# The audit ledger.
AUDIT_TIMEOUT_S = 0.15
STALLED = Whether("ledger stalls", 0.04)  # symptom look-alike: a timeout whose retry is logged
STALLED_IN_WINDOW = Whether("ledger stalls", 0.35)  # symptom: the incident's cause, mostly survived
SECOND_SENDING_HOLDS = Whether("second sending holds", 0.88, is_habit=True)
THIRD_SENDING_HOLDS = Whether("third sending holds", 0.98, is_habit=True)  # always so for accesses to health data
LOCK_SEEN = Whether("ledger lock", 0.06)
LOCK_SEEN_STALLED = Whether("ledger lock of a stall", 0.94, is_habit=True)
USUAL_ACTION = Whether("usual action", 1.0, is_habit=True)
ODD_ACTION = "other"
SHARD = Which("ledger shard", ("s0", "s1", "s2", "s3"), (1, 1, 1, 1), odd="spill")
AUDIT_CONTROL = Which("audit control", ("164.312(b)", "164.308(a)"), (100, 2), odd="164.310")  # near-constant attribute
ENTRY_OF_ACTOR = Whether("entry of the actor", 0.97, is_habit=True)
ENTRY_BYTES = HowMany("entry bytes", 180, 900, widest=(0, 3_600))

# Transmission to other providers.
DOUBLE_CLICKS = Whether("double click", 0.06)
STOPS_CLICKING = Whether("no third click", 0.98, is_habit=True)
COMPANION = Whether("mother and child", 0.15)
BODY_BYTES = HowMany("message bytes", 300, 4_000, skew=2, widest=(0, 16_000))
POLICY_IN_EXCHANGE = Whether("policy in exchange", 0.4)
SUMMARY_READ = Whether("summary read", 0.97, is_habit=True)  # else one from the day before is sent
WELL_FORMED = Whether("message well-formed", 0.98, is_habit=True)
CONSENT_STATUS = Which("consent status", ("granted", "denied", "expired"), (92, 6, 2), odd="withdrawn")
CONSENT_SCOPE = Which("consent scope", ("treatment", "referral"), (3, 2), odd="insurance")
OWN_CONSENT = Whether("own consent", 0.96, is_habit=True)  # else a guardian's, under the guardian's id
PARTNER_RESOLVES = Whether("partner resolved", 0.93, is_habit=True)
TRANSMISSION_REFUSAL_LOGGED = Whether("refused transmission logged", 0.3)
PARTNER_FIRST = Whether("partner first", 0.92, is_habit=True)  # habitual order
PARTNER = Which("partner", ("st-anna", "lakeside", "north-clinic", "dr-meyer"), (4, 3, 2, 1), odd="field-hospital")
STAGED_AT_REST = Whether("payload staged", 0.15)
HANDSHAKE_SHOWN = Whether("handshake shown", 0.9, is_habit=True)
HANDSHAKE_FAILS = Whether("handshake fails", 0.05)  # symptom look-alike: a failed handshake whose repetition succeeds
HANDSHAKE_FAILS_IN_WINDOW = Whether("handshake fails", 0.6)  # symptom
HANDSHAKE_AFTER_CONSENT = Whether("handshake after consent", 0.96, is_habit=True)  # else a connection is kept ready
HANDSHAKE_FIRST = Whether("handshake first", 0.96, is_habit=True)  # habitual structure: else inside the transmission
SECOND_HANDSHAKE_HOLDS = Whether("second handshake holds", 0.98, is_habit=True)
TLS_VERSION = Which("tls version", ("1.3", "1.2"), (4, 1))
TLS_CIPHER = Which("tls cipher", ("AES_256_GCM", "CHACHA20_POLY1305"), (3, 1), odd="AES_128_CCM")
TLS_FIRST = Whether("tls first", 0.96, is_habit=True)  # habitual order: else inside the transmission
TLS_ALONE = Whether("tls alone", 0.96, is_habit=True)  # habitual structure: else around the transmission
DOCUMENT_COUNT = HowMany("document count", 1, 12, skew=2, widest=(0, 48))
DOCUMENT_BYTES = HowMany("document bytes", 2_000, 900_000, skew=3, widest=(0, 3_600_000))
TRANSMIT_LOGGED = Whether("transmission logged", 0.95, is_habit=True)
PARTNER_TAKES = Whether("partner takes documents", 0.985, is_habit=True)  # else it wants them another day
LOGGED_LAST = Whether("transmission logged last", 0.96, is_habit=True)  # habitual order
REPEAT_SHOWN = Whether("repeat shown", 0.96, is_habit=True)
TRANSMIT_SLOT, EXCHANGE_TURN = 15, 20
FALLBACK_AFTER_S = 2.3

# The archive.
JOB_LOCKED = Whether("job locked", 0.95, is_habit=True)
JOB_LOCKED_FIRST = Whether("job locked first", 0.96, is_habit=True)  # habitual order
ARCHIVED = Whether("archived", 0.97, is_habit=True)
FEW_BATCHES = Whether("few batches", 0.985, is_habit=True)
MANY_BATCHES = 5
WRITES = Whether("object written", 0.97, is_habit=True)  # else it is there already
BUILD_SHOWN = Whether("dataset build shown", 0.96, is_habit=True)
JOB_LOGGED = Whether("job logged", 0.4)
BATCH_COUNT_WEIGHTS = (4, 4, 2)
BATCH_DATA_TYPE = Which("batch data type", ("phi", "log", "index"), (5, 3, 2), odd="metric")
STORAGE_TIER = Which("storage tier", ("warm", "cold"), (3, 1), odd="tape")
OBJECT_BYTES = HowMany("object bytes", 1_000, 4_000_000, skew=3, widest=(0, 16_000_000))
ROWS_WRITTEN = HowMany("rows written", 1, 40, skew=2, widest=(0, 160))
ENCRYPTS_ANYWAY = Whether("needless encryption", 0.12)
ENCRYPTS_FIRST = Whether(
    "encrypted first", 0.96, is_habit=True
)  # habitual order: else the page is encrypted afterwards
ENCRYPTION_ALGORITHM = Which("encryption algorithm", ("AES-256-GCM", "AES-256-XTS"), (100, 2), odd="ChaCha20")
ENCRYPTION_KEY = Which("encryption key", ("key-a", "key-b", "key-c", "key-d"), (1, 1, 1, 1), odd="key-escrow")
OFFSITE_COPY = Whether("offsite copy", 0.3)
DATASET_BUILT = Whether("dataset built", 0.85)
DATASET_LAST = Whether("dataset last", 0.93, is_habit=True)  # habitual order
DATASET_USE_WEIGHTS = (45, 42, 13)
FOR_RESEARCH, WITH_IDENTIFIERS, PLAIN = range(3)
DATASET_ROWS = HowMany("dataset rows", 100, 90_000, skew=3, widest=(0, 360_000))
DATASET_FORMAT = Which("dataset format", ("parquet", "csv"), (3, 1), odd="xml")
DEIDENTIFIED = Whether("deidentified", 0.95, is_habit=True)
DEIDENTIFIED_INSIDE = Whether("deidentified inside", 0.95, is_habit=True)  # habitual structure
EXPORTED_INSIDE = Whether("exported inside", 0.96, is_habit=True)  # habitual structure
DEIDENTIFIED_ANYWAY = Whether("deidentified anyway", 0.08)
K_ANONYMITY = HowMany("k anonymity", 5, 20, widest=(0, 80))
IDENTIFIER_COUNT = HowMany("identifier count", 1, 8, widest=(0, 32))
JOB_SLOT, BATCH_SLOT, OFFSITE_TURN = 16, 30, 21

# Appointments.
SLOT_TAKEN = Whether("slot taken", 0.06)
SLOT_MINUTES = HowMany("slot minutes", 10, 60, widest=(0, 240))
NO_GUEST = Whether("no guest session", 0.97, is_habit=True)  # else a session of nobody, which reads nothing
SLOT_SHOWN = Whether("slot reserved", 0.95, is_habit=True)
NO_OFFER = Whether("no offer of another slot", 0.97, is_habit=True)
REMINDED = Whether("reminded", 0.6)
REMINDER_CONSENT = Whether("reminder consent", 0.96, is_habit=True)
REMINDER_FIRST = Whether("reminder first", 0.1)
REMINDER_CHANNEL = Which("reminder channel", ("sms", "mail"), (2, 1), odd="letter")
REMINDER_TLS = Whether("reminder over tls", 0.5)
APPOINTMENT_LOGGED = Whether("appointment logged", 0.4)
APPOINTMENT_SLOT, REMINDER_TURN = 17, 22


@overload
def is_repeated(chance: Chance, name: str) -> bool: ...
@overload
def is_repeated(chance: Chances, name: str) -> Mask: ...
def is_repeated(chance: Chance | Chances, name: str) -> bool | Mask:
    """Return whether a small step is done twice; that it is done once is habit, not law."""
    once = chance.habit(f"{name} once", 0.998)
    return not once if isinstance(once, bool) else ~once


@overload
def ward_count(chance: Chance) -> int: ...
@overload
def ward_count(chance: Chances) -> Integers: ...
def ward_count(chance: Chance | Chances) -> int | Integers:
    """Return how many patients a ward round reads: two to four, seldom none or many."""
    usual = 2 + chance.pick_code("ward patients", WARD_COUNT_WEIGHTS)
    none, many = ODD_WARD_COUNTS
    odd = none + (many - none) * chance.pick_code("odd ward", (1, 1))
    is_usual = WARD_IS_USUAL.ask(chance)
    if isinstance(is_usual, bool):
        return int(usual if is_usual else odd)
    return np.where(is_usual, usual, odd)


@overload
def batch_count(chance: Chance) -> int: ...
@overload
def batch_count(chance: Chances) -> Integers: ...
def batch_count(chance: Chance | Chances) -> int | Integers:
    """Return how many batches are archived at night."""
    usual = 1 + chance.pick_code("batches", BATCH_COUNT_WEIGHTS)
    odd = MANY_BATCHES * chance.pick_code("odd batches", (1, 1))
    is_usual = FEW_BATCHES.ask(chance)
    if isinstance(is_usual, bool):
        return int(usual if is_usual else odd)
    return np.where(is_usual, usual, odd)


@overload
def attempt_number(chance: Chance, attempt: int) -> int: ...
@overload
def attempt_number(chance: Chances, attempt: int) -> Integers: ...
def attempt_number(chance: Chance | Chances, attempt: int) -> int | Integers:
    """Return the number of an attempt: from 1 upwards, but downwards in tens where that habit is broken."""
    is_usual = ATTEMPTS_FROM_ONE.ask(chance)
    odd = 30 - 10 * attempt
    if isinstance(is_usual, bool):
        return attempt if is_usual else odd
    return np.where(is_usual, attempt, odd)


@overload
def user_number(chance: Chance, *, turn: int = 0) -> int: ...
@overload
def user_number(chance: Chances, *, turn: int = 0) -> Integers: ...
def user_number(chance: Chance | Chances, *, turn: int = 0) -> int | Integers:
    """Return the index of a user in ``USERS``; turn 0 is who asks, later ones are others who sign in as well."""
    first = chance.integer("user", 0, len(USERS) - 1)
    return first if not turn else (first + 1 + chance.integer("other user", 0, len(USERS) - 2, turn=turn)) % len(USERS)


@overload
def is_rejected(chance: Chance, *, turn: int = 0) -> bool: ...
@overload
def is_rejected(chance: Chances, *, turn: int = 0) -> Mask: ...
def is_rejected(chance: Chance | Chances, *, turn: int = 0) -> bool | Mask:
    """Return whether somebody's sign-in is rejected; that happens at the portal, to the first of them."""
    return REJECTED.ask(chance) & PORTAL_SIGNS_IN.ask(chance) & (turn == 0)


@overload
def is_accepted(chance: Chance) -> bool: ...
@overload
def is_accepted(chance: Chances) -> Mask: ...
def is_accepted(chance: Chance | Chances) -> bool | Mask:
    """Return whether the portal lets a request in."""
    is_refused = NO_COOKIE.ask(chance) | is_rejected(chance)
    return not is_refused if isinstance(is_refused, bool) else ~is_refused


@overload
def patient_number(chance: Chance, *, nth: int = 0) -> int: ...
@overload
def patient_number(chance: Chances, *, nth: int = 0) -> Integers: ...
def patient_number(chance: Chance | Chances, *, nth: int = 0) -> int | Integers:
    """Return the index in ``PATIENTS`` of the nth patient of a visit; no two of a visit are the same."""
    return (chance.integer("patient", 0, len(PATIENTS) - 1) + _NEXT_PATIENT * nth) % len(PATIENTS)


def relative_of(patient: str, nth: int) -> str:
    """Return the id of the nth patient of a visit that is about the given one."""
    return PATIENTS[(PATIENTS.index(patient) + _NEXT_PATIENT * nth) % len(PATIENTS)]


@overload
def guardian_of(patient: int) -> int: ...
@overload
def guardian_of(patient: Integers) -> Integers: ...
def guardian_of(patient: int | Integers) -> int | Integers:
    """Return the index of the person who consents for a patient that cannot."""
    return (patient + _GUARDIAN) % len(PATIENTS)


@overload
def is_stalled(run: Run, chance: Chance, *, slot: int, attempt: int = 1) -> bool: ...
@overload
def is_stalled(run: Run, chance: Chances, *, slot: int, attempt: int = 1) -> Mask: ...
def is_stalled(run: Run, chance: Chance | Chances, *, slot: int, attempt: int = 1) -> bool | Mask:
    """Return whether the ledger has no answer when an audit entry is sent for the first, second or third time."""
    if attempt > 1:
        return _stalls_again(chance, slot, attempt)
    during = STALLED_IN_WINDOW.ask(chance, turn=slot) & is_within(run, PHI_ACCESS_WITHOUT_AUDIT, chance)
    return during | STALLED.ask(chance, turn=slot) | _is_hit(run, PHI_ACCESS_WITHOUT_AUDIT, chance)


def sending_turn(slot: int, attempt: int) -> int:
    """Return the turn of questions about one sending of an audit entry."""
    return slot * 4 + attempt


@overload
def is_handshake_failing(run: Run, chance: Chance) -> bool: ...
@overload
def is_handshake_failing(run: Run, chance: Chances) -> Mask: ...
def is_handshake_failing(run: Run, chance: Chance | Chances) -> bool | Mask:
    """Return whether the first TLS handshake with a partner fails."""
    during = HANDSHAKE_FAILS_IN_WINDOW.ask(chance) & is_within(run, TRANSMIT_WITHOUT_TLS, chance)
    return during | HANDSHAKE_FAILS.ask(chance)


@overload
def is_within(run: Run, incident_id: str, chance: Chance) -> bool: ...
@overload
def is_within(run: Run, incident_id: str, chance: Chances) -> Mask: ...
def is_within(run: Run, incident_id: str, chance: Chance | Chances) -> bool | Mask:
    """Return whether a visit falls in the window of an incident."""
    window = run.window_visits(run.world.incident(incident_id))
    if isinstance(chance, Chance):
        return run.has_incidents and chance.visit in window
    return run.has_incidents & (chance.visits >= window.start) & (chance.visits < window.stop)


def _is_hit(run: Run, incident_id: str, chance: Chance | Chances) -> bool | Mask:
    """Return whether an incident hits a visit, whether or not the visit is open to harm."""
    if isinstance(chance, Chance):
        return run.is_harmed(incident_id, chance.visit)
    return run.are_harmed(incident_id, chance.visits)


def _stalls_again(chance: Chance | Chances, slot: int, attempt: int) -> bool | Mask:
    """Return whether a second or third sending fails too; a third about health data never does."""
    holds = SECOND_SENDING_HOLDS if attempt == 2 else THIRD_SENDING_HOLDS
    may_stall = attempt == 2 or slot >= FIRST_OTHER_SLOT
    does_hold = holds.ask(chance, turn=slot)
    if isinstance(does_hold, bool):
        return may_stall and not does_hold
    return ~does_hold & may_stall
