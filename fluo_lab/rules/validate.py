"""From a YAML document to rules: every field checked, every finding kept, every good rule returned."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fluo_lab.errors import Diagnostic, RuleError
from fluo_lab.language import ParamValue
from fluo_lab.rules.inline import InlineTest, read_inline_test
from fluo_lab.rules.locate import TextPlace
from fluo_lab.rules.nodes import Document, Entry, Scalar, Table, YamlNode, plain
from fluo_lab.rules.reader import NodeReader
from fluo_lab.rules.rule import Mode, Rule, RuleSeverity
from fluo_lab.rules.schema import FILE_FIELDS, RULE_FIELDS, Holds

__all__ = ["PlacedRule", "is_rule_id", "read_rules"]

_ID = re.compile(r"[a-z0-9_-]{2,80}")
_PARAMETER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_USED = re.compile(r"\$([A-Za-z_][A-Za-z0-9_]*)")
_OWN = ("id", "name", "severity", "description", "mode", "params", "condition", "tests")
_COMPLIANCE_FIELDS = ("framework", "control", "note")


def is_rule_id(text: str) -> bool:
    """Whether a text can be a rule's id: 2 to 80 of ``a-z 0-9 _ -``."""
    return _ID.fullmatch(text) is not None


@dataclass(frozen=True)
class PlacedRule:
    """A rule, and where it stands.

    Attributes
    ----------
    line
        Line of its id.
    condition
        The place of its condition, to move findings about the condition into the file.
    """

    rule: Rule
    path: str | None
    line: int
    condition: TextPlace
    id_finding: Diagnostic


def read_rules(
    document: Document, *, folder: Path | None = None, params: Mapping[str, ParamValue] | None = None
) -> tuple[list[PlacedRule], list[Diagnostic]]:
    """Return the good rules of a document, and everything that is wrong with it and the other rules.

    Parameters
    ----------
    params
        Values that go before the defaults of the rules that have or use a parameter of the name.
    folder
        What the ``trace_file`` of a test is relative to.
    """
    reader = NodeReader(document)
    items = _rule_items(reader)
    problems = [*document.problems, *reader.problems]
    rules: list[PlacedRule] = []
    for item in items:
        rule_reader = _RuleReader(document, folder, params or {})
        placed = rule_reader.read(item)
        problems += rule_reader.problems
        if placed is not None and not any(item.start <= p.start < item.end for p in document.problems):
            rules.append(placed)
    problems.sort(key=lambda problem: (problem.line, problem.column))
    return rules, problems


def _rule_items(reader: NodeReader) -> tuple[YamlNode, ...]:
    """Return the nodes under ``rules``."""
    document = reader.document
    root = document.root
    hint = "a rule file begins with 'rules:' and lists its rules under it, each after a '- '"
    if root is None or (isinstance(root, Scalar) and root.value is None):
        reader.problems.append(document.diagnose("FL527", "the file is empty", (0, 1), hint=hint))
        return ()
    if not isinstance(root, Table):
        reader.wrong("a rule file", "a mapping with the key 'rules'", root, hint=hint)
        return ()
    fields = reader.fields("a rule file", root, FILE_FIELDS, required=("rules",))
    for key, entry in fields.items():
        spec = FILE_FIELDS[key]
        if spec.holds is Holds.LATER:
            _report_later(reader, key, entry)
        elif spec.holds is Holds.WORD:
            reader.word(f"'{key}'", entry.value, spec.words)
    return reader.items("'rules'", fields["rules"].value, of="a list of rules") if "rules" in fields else ()


def _report_later(reader: NodeReader, key: str, entry: Entry) -> None:
    hint = "leave it out, or keep it for yourself as 'x-" + key + "'"
    reader.report("FL526", f"'{key}' is not supported yet", entry.key, hint=hint)


class _RuleReader(NodeReader):
    """Reads one rule."""

    def __init__(self, document: Document, folder: Path | None, params: Mapping[str, ParamValue]) -> None:
        super().__init__(document)
        self._folder = folder
        self._overrides = params

    def read(self, node: YamlNode) -> PlacedRule | None:
        """Return the rule, or None when something is wrong with it."""
        table = self.table("a rule", node)
        if table is None:
            return None
        required = [key for key, spec in RULE_FIELDS.items() if spec.is_required]
        fields = self.fields("the rule" + _called(table), table, RULE_FIELDS, required=required)
        read = {key: self._field(key, entry) for key, entry in fields.items()}
        extra = {key: plain(entry.value) for key, entry in table.entries.items() if key not in _OWN}
        condition = fields.get("condition")
        if condition is None or not isinstance(condition.value, Scalar) or read["condition"] is None:
            return None
        place = TextPlace(self.document, condition.value)
        rule = self._rule(read, extra, place)
        if rule is None or self.problems:
            return None
        entry = fields["id"]
        line, _ = self.document.place(entry.key.start)
        finding = self.document.diagnose_node("FL525", f"the id '{rule.id}' is taken", entry.value)
        return PlacedRule(rule, self.document.path, line, place, finding)

    def _rule(self, read: Mapping[str, Any], extra: Mapping[str, Any], place: TextPlace) -> Rule | None:
        """Return the rule, its condition parsed even where other fields are wrong."""
        try:
            return Rule(
                condition=read["condition"],
                id=read.get("id") or "rule",
                name=read.get("name") or "",
                severity=RuleSeverity(read.get("severity") or RuleSeverity.MEDIUM),
                description=(read.get("description") or "").strip(),
                mode=Mode(read.get("mode") or Mode.REQUIRE),
                params=self._bound(read["condition"], read.get("params") or {}),
                tests=tuple(read.get("tests") or ()),
                extra=extra,
            )
        except RuleError as error:
            self.problems += [place.move(diagnostic) for diagnostic in error.diagnostics]
            return None

    def _bound(self, condition: str, defaults: Mapping[str, ParamValue]) -> dict[str, ParamValue]:
        """Return the parameters of a rule: its own, with the values given from outside in their place."""
        used = {*defaults, *_USED.findall(condition)}
        return {**defaults, **{name: value for name, value in self._overrides.items() if name in used}}

    def _field(self, key: str, entry: Entry) -> Any:
        """Return what a field holds, or None when it is wrong."""
        spec, node, what = RULE_FIELDS[key], entry.value, f"'{key}'"
        match spec.holds:
            case Holds.TEXT:
                text = self.text(what, node)
                return self._id(text, node) if key == "id" and text is not None else text
            case Holds.WORD:
                return self.word(what, node, spec.words)
            case Holds.BOOL:
                return self.boolean(what, node)
            case Holds.INTEGER:
                return self.integer(what, node)
            case Holds.TEXTS:
                return self.texts(what, node)
            case Holds.MAPPING:
                return self.table(what, node)
            case Holds.PARAMS:
                return self._params(node)
            case Holds.RELATED:
                return self._related(node)
            case Holds.COMPLIANCE:
                return self._compliance(node)
            case Holds.TESTS:
                return self._tests(node)
            case _:
                return _report_later(self, key, entry)

    def _id(self, text: str, node: YamlNode) -> str | None:
        if is_rule_id(text):
            return text
        better = re.sub(r"[^a-z0-9_]+", "-", text.lower()).strip("-")[:80]
        hint = f"write for example: {better}" if is_rule_id(better) else None
        self.report("FL524", f"the id '{text}' is not 2 to 80 of a-z 0-9 _ -", node, hint=hint)
        return None

    def _params(self, node: YamlNode) -> dict[str, Any] | None:
        table = self.table("'params'", node)
        if table is None:
            return None
        params = {}
        for name, entry in table.entries.items():
            if not _PARAMETER.fullmatch(name):
                hint = "use letters, digits and _, beginning with a letter"
                self.report("FL522", f"'{name}' cannot be a parameter's name", entry.key, hint=hint)
            value = self.scalar(f"the parameter '{name}'", entry.value)
            if value is not None:
                params[name] = value
        return params

    def _related(self, node: YamlNode) -> None:
        for item in self.items("'related'", node, of=Holds.RELATED.value):
            if not isinstance(item, Table):
                self.text("each of 'related'", item)
                continue
            for entry in self.fields("a related rule", item, ("id", "type"), required=("id",)).values():
                self.text(f"'{entry.key.value}'", entry.value)

    def _compliance(self, node: YamlNode) -> None:
        for item in self.items("'compliance'", node, of=Holds.COMPLIANCE.value):
            table = self.table("each of 'compliance'", item)
            if table is None:
                continue
            fields = self.fields("a compliance entry", table, _COMPLIANCE_FIELDS, required=("framework", "control"))
            for entry in fields.values():
                self.text(f"'{entry.key.value}'", entry.value)

    def _tests(self, node: YamlNode) -> list[InlineTest]:
        read = [
            read_inline_test(self, item, folder=self._folder)
            for item in self.items("'tests'", node, of=Holds.TESTS.value)
        ]
        return [test for test in read if test is not None]


def _called(table: Table) -> str:
    """Return the rule's id or name for messages, or nothing."""
    for key in ("id", "name"):
        node = table.get(key)
        if isinstance(node, Scalar) and isinstance(node.value, str):
            return f" '{node.value}'"
    return ""
