"""Editing a rule file in place: only the lines of the fields that changed are written anew.

Comments, blank lines, quotes and the order of everything else stay as they are, byte for byte, because they are never
read and written but left where they stand. Every edit is read back and compared before it is handed out.
"""

from __future__ import annotations

import re
from typing import Any

from fluo_lab.errors import RuleFileError, UsageError
from fluo_lab.rules.load import parse_yaml
from fluo_lab.rules.nodes import Document, Entry, Listing, Scalar, Table, plain
from fluo_lab.rules.rule import Rule
from fluo_lab.rules.validate import read_rules
from fluo_lab.rules.write import render_field, render_rule, rule_to_mapping

__all__ = ["add_rule", "remove_rule", "replace_rule"]

_HEADER_COMMENT = re.compile(r"[|>][-+0-9]*(\s+#[^\r\n]*)")


def add_rule(text: str, rule: Rule) -> str:
    """Return the file's text with one more rule at the end of its list.

    Raises
    ------
    UsageError
        When the id is taken, or the file is written so that nothing can be added.
    RuleFileError
        When the text is not YAML.
    """
    document = parse_yaml(text)
    listing = _listing(document)
    if any(_id_of(item) == rule.id for item in listing.items):
        raise UsageError(f"the file already has a rule '{rule.id}'; replace it, or give the new one another id")
    if listing.items:
        if listing.is_flow:
            raise UsageError("the file's rules are written in brackets; write one rule a '-' to add to them")
        start = _line_end(document, listing.items[-1].end)
        column = _dash(document, listing.items[-1])[1]
        gap = _gap(document, listing)
        piece = gap + render_rule(rule_to_mapping(rule), dash_column=column)
        piece = ("" if text[:start].endswith(("\n", "\r")) else "\n") + piece
        edited = _splice(text, start, start, piece)
    else:
        start = len(text[: listing.start].rstrip(" "))
        line_end = _line_end(document, listing.end)
        rest = text[listing.end : line_end].rstrip("\r\n")
        piece = rest + "\n" + render_rule(rule_to_mapping(rule), dash_column=2)
        edited = _splice(text, start, line_end, piece)
    return _checked(text, edited, rule.id, rule)


def replace_rule(text: str, rule: Rule) -> str:
    """Return the file's text with a rule's changed fields written anew.

    Raises
    ------
    UsageError
        When the file has no rule of this id, or it is written so that it cannot be edited.
    RuleFileError
        When the text is not YAML.
    """
    document = parse_yaml(text)
    table = _table(document, rule.id)
    if table.is_flow:
        column = document.place(table.start)[1] - 1
        piece = render_rule(rule_to_mapping(rule), dash_column=0)
        lines = piece[2:].removesuffix("\n").replace("\n  ", "\n" + " " * column)
        return _checked(text, _splice(text, table.start, table.end, lines), rule.id, rule)
    wanted = rule_to_mapping(rule)
    present = next((p.rule for p in read_rules(document)[0] if p.rule.id == rule.id), None)
    written = plain(table) if present is None else rule_to_mapping(present)
    edited = text
    for key in [k for k in written if k not in wanted]:
        edited = _drop_field(parse_yaml(edited), rule.id, key)
    for key in [k for k in wanted if k not in written or not _same(wanted[k], written[k])]:
        edited = _set_field(parse_yaml(edited), rule.id, key, wanted)
    return _checked(text, edited, rule.id, rule)


def remove_rule(text: str, rule_id: str) -> str:
    """Return the file's text without a rule; comments before it stay.

    Raises
    ------
    UsageError
        When the file has no rule of this id, or it is written so that it cannot be edited.
    RuleFileError
        When the text is not YAML.
    """
    document = parse_yaml(text)
    table, listing = _table(document, rule_id), _listing(document)
    if listing.is_flow:
        raise UsageError("the file's rules are written in brackets; write one rule a '-' to remove one")
    start, _ = _dash(document, table)
    start = document.line_start(document.place(start)[0])
    edited = _splice(text, start, _line_end(document, table.end), "")
    if len(listing.items) == 1:
        key = _rules_entry(document).key
        edited = _splice(edited, key.end + 1, key.end + 1, " []")
    return _checked(text, edited, rule_id, None)


# --- finding the place ------------------------------------------------------------------------------------------


def _rules_entry(document: Document) -> Entry:
    entry = document.root.entries.get("rules") if isinstance(document.root, Table) else None
    if entry is None:
        raise UsageError("the file has no 'rules:' to edit")
    return entry


def _listing(document: Document) -> Listing:
    value = _rules_entry(document).value
    if isinstance(value, Listing):
        return value
    if isinstance(value, Scalar) and value.value is None:
        return Listing((), True, value.start, value.end)
    raise UsageError("the file's 'rules' is no list")


def _id_of(item: Any) -> str | None:
    node = item.get("id") if isinstance(item, Table) else None
    return node.value if isinstance(node, Scalar) and isinstance(node.value, str) else None


def _table(document: Document, rule_id: str) -> Table:
    found = [item for item in _listing(document).items if isinstance(item, Table) and _id_of(item) == rule_id]
    if len(found) == 1:
        return found[0]
    raise UsageError(f"the file has {len(found) or 'no'} rule{'s' if found else ''} with the id '{rule_id}'")


def _dash(document: Document, node: Any) -> tuple[int, int]:
    """Return offset and column, from 0, of the dash before an item."""
    before = document.text[: node.start].rstrip()
    if not before.endswith("-"):
        raise UsageError(f"the rule '{_id_of(node)}' does not follow its '-' directly; move it up to edit the file")
    start = len(before) - 1
    return start, document.place(start)[1] - 1


def _line_end(document: Document, offset: int) -> int:
    """Return the offset behind the line break of the line an offset stands in."""
    return document.line_start(document.place(offset)[0] + 1)


def _gap(document: Document, listing: Listing) -> str:
    """Return a blank line when the rules before are set apart by one, or there is only one."""
    if len(listing.items) < 2:
        return "\n"
    line = document.place(_dash(document, listing.items[-1])[0])[0] - 1
    while document.line_text(line).lstrip().startswith("#"):
        line -= 1
    return "" if document.line_text(line).strip() else "\n"


# --- changing it ------------------------------------------------------------------------------------------------


def _splice(text: str, start: int, end: int, piece: str) -> str:
    """Return the text with a range replaced, in the text's own line breaks."""
    if "\r\n" in text:
        piece = piece.replace("\n", "\r\n")
    return text[:start] + piece + text[end:]


def _same(wanted: Any, written: Any) -> bool:
    if isinstance(wanted, str) and isinstance(written, str):
        return wanted.strip() == written.strip()
    return type(wanted) is type(written) and bool(wanted == written)


def _set_field(document: Document, rule_id: str, key: str, wanted: dict[str, Any]) -> str:
    """Return the text with one field of a rule written anew, or added behind the one it follows."""
    table = _table(document, rule_id)
    column = document.place(next(iter(table.entries.values())).key.start)[1] - 1
    piece = render_field(key, wanted[key], column=column)[column:].removesuffix("\n")
    text = document.text
    entry = table.entries.get(key)
    if entry is None:
        order = list(wanted)
        before = [table.entries[k] for k in order[: order.index(key)] if k in table.entries]
        end = _line_end(document, _end(before[-1] if before else list(table.entries.values())[-1]))
        lead = "" if text[:end].endswith(("\n", "\r")) else "\n"
        return _splice(text, end, end, lead + " " * column + piece + "\n")
    start, end = entry.key.start, _end(entry)
    rest = text[end : _line_end(document, end)].rstrip()
    if "\n" in piece:
        header = _HEADER_COMMENT.match(text, entry.value.start)
        if header:
            first, _, others = piece.partition("\n")
            piece = f"{first}{header[1]}\n{others}"
        elif rest.strip().startswith("#"):
            piece += "\n" + " " * column + rest.strip()
            end += len(rest)
    return _splice(text, start, end, piece)


def _drop_field(document: Document, rule_id: str, key: str) -> str:
    """Return the text without one field of a rule."""
    table = _table(document, rule_id)
    entries = list(table.entries.values())
    number = list(table.entries).index(key)
    if number == 0:
        return _splice(document.text, entries[0].key.start, entries[1].key.start, "")
    start = document.line_start(document.place(entries[number].key.start)[0])
    return _splice(document.text, start, _line_end(document, _end(entries[number])), "")


def _end(entry: Entry) -> int:
    """Return the offset behind an entry, also where its value is nothing."""
    return max(entry.value.end, entry.key.end + 1)


def _checked(before: str, after: str, rule_id: str, rule: Rule | None) -> str:
    """Return the edited text when reading it gives what was meant, and nothing else has changed."""
    try:
        found = _mappings(after)
    except RuleFileError as error:
        raise UsageError(
            f"the rule '{rule_id}' cannot be edited in place here; edit the file by hand\n{error}"
        ) from error
    expected = _mappings(before)
    position = [key for key, _ in expected].index(rule_id) if rule_id in dict(expected) else len(expected)
    others = [pair for pair in expected if pair[0] != rule_id]
    meant = [*others]
    if rule is not None:
        meant.insert(position, (rule_id, rule_to_mapping(rule)))
    if len(found) != len(meant) or not all(
        a == b and _same_mapping(x, y) for (a, x), (b, y) in zip(found, meant, strict=True)
    ):
        raise UsageError(f"the rule '{rule_id}' cannot be edited in place here; edit the file by hand")
    return after


def _mappings(text: str) -> list[tuple[str | None, dict[str, Any]]]:
    """Return id and canonical mapping of every rule; a rule that cannot be read stays as it is written."""
    document = parse_yaml(text)
    read = {placed.rule.id: rule_to_mapping(placed.rule) for placed in read_rules(document)[0]}
    found = []
    for item in _listing(document).items:
        rule_id = _id_of(item)
        found.append((rule_id, read[rule_id] if rule_id in read else {"unread": plain(item)}))
    return found


def _same_mapping(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
