"""How large a rule may be; past a limit there is an error that names it."""

from __future__ import annotations

__all__ = [
    "MAX_ATOMS",
    "MAX_NAME_CHARACTERS",
    "MAX_NESTING",
    "MAX_RULE_BYTES",
    "MAX_STRING_CHARACTERS",
    "MAX_TERMS",
]

MAX_RULE_BYTES = 64 * 1024
MAX_STRING_CHARACTERS = 10_000
MAX_NAME_CHARACTERS = 256
MAX_NESTING = 50
MAX_ATOMS = 1_000
MAX_TERMS = 100
"""Terms of one arithmetic expression: it becomes a tree that leans left, which must stay shallow."""
