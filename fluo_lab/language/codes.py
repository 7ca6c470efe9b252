"""The stable codes of everything the language reports, one line each."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

__all__ = ["CODES", "END_OF_INPUT_CODES"]

CODES: Mapping[str, str] = MappingProxyType(
    {
        "FL001": "the rule is longer than 64 KiB",
        "FL002": "a string is longer than 10,000 characters",
        "FL003": "a name is longer than 256 characters",
        "FL004": "the rule is nested deeper than 50 levels",
        "FL005": "the rule has more than 1,000 atoms",
        "FL006": "a number or duration is beyond 64 bits",
        "FL007": "an arithmetic expression has more than 100 terms",
        "FL010": "a hidden or look-alike character",
        "FL011": "half a surrogate pair, which is no character",
        "FL100": "the rule ends too early",
        "FL101": "a bracket is never closed",
        "FL102": "an unknown function",
        "FL103": "a quoted string is never closed",
        "FL104": "an operator of another language",
        "FL105": "another rule dialect",
        "FL106": "a character that needs quotes around the name",
        "FL107": "a malformed number or duration",
        "FL108": "a number without a comparison",
        "FL109": "a field without a comparison",
        "FL110": "something unexpected",
        "FL111": "text after the end of the rule",
        "FL112": "an empty list, clause or rule",
        "FL113": "a clause is written twice",
        "FL114": "a guard without an obligation",
        "FL115": "a function without `trace.`",
        "FL116": "`.where` in the wrong place",
        "FL117": "a bare name where a function is needed",
        "FL118": "a relation option is written twice",
        "FL119": "a misspelt keyword",
        "FL201": "an unknown span field",
        "FL202": "a text or bool has no order",
        "FL203": "a number without a unit beside a duration",
        "FL204": "a duration beside something that is none",
        "FL205": "not one of the words the field can take",
        "FL206": "a pattern must be a string",
        "FL207": "a regular expression that cannot be used",
        "FL208": "`unique` outside `trace.count(OP).where(field == unique)`",
        "FL209": "arithmetic over things that do not mix",
        "FL210": "a field that is no number",
        "FL211": "something an event's condition cannot ask",
        "FL212": "relations nested too deep",
        "FL213": "an empty name",
        "FL214": "`without` in a relation that has no order",
        "FL301": "an unbound parameter",
        "FL302": "a parameter's value does not fit its place",
    }
)
"""Code to one-line summary. Codes never change their meaning."""

END_OF_INPUT_CODES: frozenset[str] = frozenset({"FL100", "FL101", "FL103"})
"""The codes that only say the text is unfinished; an editor may mute them while someone types."""
