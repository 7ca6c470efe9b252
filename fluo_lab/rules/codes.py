"""The stable codes of everything rule files and lints report, one line each."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from fluo_lab.rules.lints import BOOK_LINTS, DATA_LINTS, LINTS, NAME_LINTS, BookLint, DataLint, Lint

__all__ = ["CODES"]

_LINTS: tuple[Lint | DataLint | BookLint, ...] = (*LINTS, *NAME_LINTS, *DATA_LINTS, *BOOK_LINTS)

CODES: Mapping[str, str] = MappingProxyType(
    {
        "FL501": "a rule file or folder cannot be read",
        "FL502": "a rule file is larger than 8 MiB",
        "FL503": "a rule file is not plain UTF-8",
        "FL504": "a rule file is not YAML",
        "FL505": "a YAML tag",
        "FL506": "a YAML anchor or alias",
        "FL507": "a key stands twice in one mapping",
        "FL508": "several YAML documents in one file",
        "FL509": "YAML nested deeper than 50 levels",
        "FL510": "a key that is not text",
        "FL511": "an integer beyond 64 bits",
        "FL512": "more findings than are listed",
        "FL520": "an unknown field",
        "FL521": "a required field is missing",
        "FL522": "a value of the wrong kind",
        "FL523": "not one of the words the field can take",
        "FL524": "an id that cannot be used",
        "FL525": "two rules with one id",
        "FL526": "a field that is not supported yet",
        "FL527": "a file without rules",
        "FL530": "a test without one source of spans",
        "FL531": "a span id that is unknown or taken",
        **{lint.code: lint.summary for lint in sorted(_LINTS, key=lambda lint: lint.code)},
    }
)
"""Code to one-line summary. Codes never change their meaning."""
