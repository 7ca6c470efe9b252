"""Facts about one visit or many that follow from several answers; the same on both sides.

All functions take the chances of one visit or of many. Integers and masks are arrays, without dimensions for one visit.
"""

from __future__ import annotations

import numpy as np

from fluo_lab.worlds.fintech import drawn
from fluo_lab.worlds.questions import AnyChance, Integers, Mask

__all__ = [
    "DECISIONS",
    "PAYOUT_TYPES",
    "acting_user",
    "answer_code",
    "approver_of",
    "balance_cents",
    "currency_code",
    "database",
    "decision_code",
    "fee_cents",
    "highest_leg_cents",
    "is_allowed",
    "is_large",
    "is_repeated",
    "leg_cents",
    "needs_approval",
    "payout_type_code",
    "posted_cents",
    "posting_turn",
    "rows",
    "skips_wrong_limit",
    "transfer_cents",
]

DECISIONS = ("denied", "allowed", "stepped_up")
"""What an authorization may say."""

PAYOUT_TYPES = ("payout", *drawn.TYPE.options)
"""What a payment of a run may be executed as."""

_UNUSUAL_ANSWERS = np.array([202, 206, 500, 503])
_IN_PERSON_RATE = 0.96


def is_repeated(chance: AnyChance, span: str) -> bool | Mask:
    """Return whether a span that occurs once occurs again: never, but half of the time in a counterfactual run.

    That a span occurs once, and not after some other one, is how the code happens to be written, and no invariant.
    """
    return np.logical_not(chance.habit(f"{span} once", 1.0))


def acting_user(chance: AnyChance, span: str, *, turn: int = 0) -> Integers:
    """Return the index of the user a span names: the visit's own, seldom one who stands in for them.

    Confounder: one ``user.id`` on all spans of a trace.
    """
    n_users = len(drawn.USERS)
    user = np.asarray(drawn.USER.ask(chance))
    is_in_person = chance.habit(f"in person in {span}", _IN_PERSON_RATE, turn=turn)
    stand_in = np.asarray(chance.integer(f"stand-in in {span}", 1, n_users - 1, turn=turn))
    return np.where(is_in_person, user, (user + stand_in) % n_users)


def approver_of(chance: AnyChance, initiator: Integers) -> Integers:
    """Return the index of the user who approves: anybody but the initiator."""
    n_users = len(drawn.USERS)
    return np.asarray((initiator + chance.integer("approver", 1, n_users - 1)) % n_users)


def answer_code(chance: AnyChance, route: str, usual: int | Integers) -> Integers:
    """Return the status code of an answer: the usual one, half of the time another one in a counterfactual run."""
    is_usual = chance.habit(f"usual answer of {route}", 1.0)
    other = _UNUSUAL_ANSWERS[chance.pick_code(f"unusual answer of {route}", (1.0,) * len(_UNUSUAL_ANSWERS))]
    return np.where(np.logical_or(is_usual, np.asarray(usual) >= 400), usual, other)


def decision_code(chance: AnyChance, scope: str, turn: int) -> Integers:
    """Return the index into ``DECISIONS`` of an authorization; one that is asked for again is never denied."""
    is_plain = drawn.ALLOWED_PLAINLY.ask(chance)
    is_denied = np.logical_and(drawn.DENIED[scope].ask(chance), turn == 0)
    return np.where(is_denied, 0, np.where(is_plain, 1, 2))


def is_allowed(chance: AnyChance, scope: str) -> Mask:
    """Return whether the first authorization for something is given."""
    return np.asarray(decision_code(chance, scope, 0) != 0)


def _cents(chance: AnyChance, is_high: bool | Mask, turn: int) -> Integers:
    is_at_limit = drawn.AT_LIMIT.ask(chance, turn=turn)
    high = np.where(
        drawn.VERY_HIGH.ask(chance, turn=turn),
        drawn.WRONG_LIMIT_CENTS + drawn.VERY_HIGH_CENTS.ask(chance, turn=turn),
        np.where(is_at_limit, drawn.LIMIT_CENTS, drawn.LIMIT_CENTS + drawn.HIGH_CENTS.ask(chance, turn=turn)),
    )
    low = np.where(
        drawn.SMALL.ask(chance, turn=turn),
        drawn.SMALL_CENTS.ask(chance, turn=turn),
        drawn.LIMIT_CENTS - np.where(is_at_limit, 100, drawn.LOW_CENTS.ask(chance, turn=turn)),
    )
    usual = np.where(is_high, high, low)
    return np.where(drawn.AMOUNT_USUAL.ask(chance, turn=turn), usual, drawn.ANY_CENTS.ask(chance, turn=turn))


def transfer_cents(chance: AnyChance) -> Integers:
    """Return the amount of a transfer in cents; amounts crowd on both sides of the limit."""
    return _cents(chance, drawn.HIGH.ask(chance), 0)


def leg_cents(chance: AnyChance, leg: int) -> Integers:
    """Return the amount of one payment of a payout run in cents."""
    return _cents(chance, drawn.HIGH_LEG.ask(chance, turn=leg), leg)


def highest_leg_cents(chance: AnyChance) -> Integers:
    """Return the highest amount of a payout run in cents."""
    n_legs = np.asarray(drawn.LEGS.ask(chance))
    legs = [np.where(n_legs > leg, leg_cents(chance, leg), 0) for leg in range(drawn.MOST_LEGS)]
    return np.asarray(np.max(np.stack(legs), axis=0))


def needs_approval(cents: Integers) -> Mask:
    """Return whether an amount needs an approval."""
    return np.asarray(cents >= drawn.LIMIT_CENTS)


def skips_wrong_limit(cents: Integers) -> Mask:
    """Return whether an amount that needs an approval stays below the limit that a wrong configuration sets."""
    return needs_approval(cents) & (cents < drawn.WRONG_LIMIT_CENTS)


def currency_code(chance: AnyChance, leg: int) -> Integers:
    """Return the index of the currency of a payment: mostly that of the whole run."""
    is_one = drawn.ONE_CURRENCY_OF_RUN.ask(chance, turn=leg)
    return np.where(is_one, drawn.CURRENCY.code(chance), drawn.CURRENCY.code(chance, turn=leg))


def payout_type_code(chance: AnyChance, leg: int) -> Integers:
    """Return the index into ``PAYOUT_TYPES`` of a payment of a run."""
    return np.where(drawn.ONE_TYPE.ask(chance, turn=leg), 0, drawn.TYPE.code(chance, turn=leg) + 1)


def fee_cents(chance: AnyChance, cents: Integers) -> Integers:
    """Return the fee of a transfer, which never exceeds its amount."""
    return np.minimum(cents, drawn.FEE_CENTS.ask(chance))


def posted_cents(chance: AnyChance, cents: int | Integers, turn: int) -> tuple[Integers, Integers]:
    """Return what is debited and what is credited for an amount."""
    net = np.maximum(1, cents - drawn.WITHHELD_CENTS.ask(chance, turn=turn))
    debit = np.where(drawn.GROSS.ask(chance, turn=turn), cents, net)
    converted = drawn.CONVERTED_CENTS.ask(chance, turn=turn)
    return debit, np.where(drawn.ONE_CURRENCY.ask(chance, turn=turn), debit, converted)


def balance_cents(chance: AnyChance, turn: int) -> Integers:
    """Return what a debit leaves on the account: nothing at times, and never less."""
    return np.where(drawn.EMPTIED.ask(chance, turn=turn), 0, drawn.BALANCE_CENTS.ask(chance, turn=turn))


def is_large(chance: AnyChance, kind: str) -> Mask:
    """Return whether the file of a kind of delivery takes the path of large files."""
    return np.asarray(drawn.LARGE[kind].ask(chance))


def rows(chance: AnyChance, kind: str) -> Integers:
    """Return how many rows a file has."""
    usual = np.where(is_large(chance, kind), drawn.MANY_ROWS.ask(chance), drawn.FEW_ROWS.ask(chance))
    return np.where(drawn.ROWS_USUAL.ask(chance), usual, drawn.ANY_ROWS.ask(chance))


def posting_turn(turn: int, part: int) -> int:
    """Return the turn of the questions about one posting in one trace of a visit."""
    return turn + 10 * part


def database(operation: str, table: str) -> dict[str, str]:
    """Return the attributes of a span that runs a statement."""
    return {
        "db.system.name": "postgresql",
        "db.operation.name": operation,
        "db.collection.name": table,
    }
