"""The stable codes of everything rule files and lints report, one line each."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

__all__ = ["CODES"]

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
        "FL601": "a rule without a guard",
        "FL602": "a negative guard",
        "FL603": "a capital letter as a value",
        "FL604": "placeholder words such as tenant_a and tenant_b",
        "FL605": "a span or service name the traces do not have",
        "FL606": "an attribute the spans do not have",
        "FL607": "a rule without tests",
        "FL608": "two rules that say the same",
        "FL609": "a parameter the condition does not use",
        "FL610": "the words promise an order the condition does not ask for",
        "FL611": "two filters on one operation that two spans may satisfy",
    }
)
"""Code to one-line summary. Codes never change their meaning."""
