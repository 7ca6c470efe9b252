"""Reading nodes as what a field should hold, with a finding for everything that does not fit."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from difflib import get_close_matches
from typing import Any

from fluo_lab.errors import Diagnostic
from fluo_lab.rules.nodes import REFUSED, Document, Entry, Listing, Scalar, Table, YamlNode, describe

__all__ = ["NodeReader", "nearest"]


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return a question that names the known word most like this one, or None.

    Examples
    --------
    >>> nearest("severty", ["id", "severity"])
    "did you mean 'severity'?"
    """
    found = get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"did you mean '{found[0]}'?" if found else None


class NodeReader:
    """Reads the nodes of one document; what does not fit is kept in ``problems`` and read as None."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.problems: list[Diagnostic] = []

    def report(self, code: str, message: str, node: YamlNode, *, hint: str | None = None) -> None:
        """Keep an error about a node."""
        self.problems.append(self.document.diagnose_node(code, message, node, hint=hint))

    def wrong(self, what: str, expected: str, node: YamlNode, *, hint: str | None = None) -> None:
        """Keep an error about a node that is not what is expected there."""
        if isinstance(node, Scalar) and node.value is REFUSED:
            return
        self.report("FL522", f"{what} must be {expected}, not {describe(node)}", node, hint=hint)

    def text(self, what: str, node: YamlNode, *, may_be_empty: bool = False) -> str | None:
        """Return a text."""
        if isinstance(node, Scalar) and isinstance(node.value, str) and (may_be_empty or node.value.strip()):
            return node.value
        hint = None
        if isinstance(node, Scalar) and node.value is not None and not isinstance(node.value, str):
            hint = f'put it in quotes: "{self.document.text[node.start : node.end]}"'
        self.wrong(what, "text", node, hint=hint)
        return None

    def word(self, what: str, node: YamlNode, words: Collection[str]) -> str | None:
        """Return one of some words."""
        if isinstance(node, Scalar) and isinstance(node.value, str):
            if node.value in words:
                return node.value
            hint = nearest(node.value.lower(), words) or f"write one of: {', '.join(words)}"
            self.report("FL523", f"{what} cannot be '{node.value}'; it is one of {', '.join(words)}", node, hint=hint)
        else:
            self.wrong(what, f"one of {', '.join(words)}", node)
        return None

    def boolean(self, what: str, node: YamlNode) -> bool | None:
        """Return a boolean."""
        if isinstance(node, Scalar) and isinstance(node.value, bool):
            return node.value
        self.wrong(what, "true or false", node, hint="only true and false are booleans; yes, no, on and off are text")
        return None

    def integer(self, what: str, node: YamlNode) -> int | None:
        """Return an integer."""
        if isinstance(node, Scalar) and isinstance(node.value, int) and not isinstance(node.value, bool):
            return node.value
        self.wrong(what, "a whole number", node)
        return None

    def scalar(self, what: str, node: YamlNode) -> Any:
        """Return a text, number or boolean."""
        if isinstance(node, Scalar) and node.value is not None and node.value is not REFUSED:
            return node.value
        self.wrong(what, "a text, a number, true or false", node)
        return None

    def table(self, what: str, node: YamlNode) -> Table | None:
        """Return a mapping."""
        if isinstance(node, Table):
            return node
        self.wrong(what, "a mapping", node)
        return None

    def items(self, what: str, node: YamlNode, *, of: str = "a list") -> tuple[YamlNode, ...]:
        """Return the items of a list."""
        if isinstance(node, Listing):
            return node.items
        self.wrong(what, of, node)
        return ()

    def texts(self, what: str, node: YamlNode) -> None:
        """Check a list of texts."""
        for item in self.items(what, node, of="a list of texts"):
            self.text(f"each of {what}", item)

    def fields(
        self, what: str, table: Table, known: Collection[str], *, required: Iterable[str] = ()
    ) -> dict[str, Entry]:
        """Return the known entries of a mapping; report unknown ones and those that are missing."""
        found = {}
        for key, entry in table.entries.items():
            if key in known:
                found[key] = entry
            elif not key.startswith("x-"):
                hint = nearest(key, known) or f"known fields: {', '.join(known)}; your own begin with x-"
                self.report("FL520", f"{what} has no field '{key}'", entry.key, hint=hint)
        for key in required:
            if key not in table.entries:
                first = next(iter(table.entries.values()), None)
                node: YamlNode = table if first is None else first.key
                self.report("FL521", f"{what} has no '{key}'", node, hint=f"add '{key}:'")
        return found
