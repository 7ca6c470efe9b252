"""The strict YAML reader: one reading of every file, positions of everything, and nothing clever.

Only null, true, false, integers and floats are more than text, spelt as YAML 1.2 spells them: ``on``, ``12:30``,
``012`` and dates stay text, which plain PyYAML would turn into other things. Tags, anchors, aliases, duplicate keys and
second documents are refused. The tree is built from parser events, so that depth is bounded before anything nests.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from fluo_lab.errors import Diagnostic, RuleFileError
from fluo_lab.rules.nodes import REFUSED, Document, Entry, Listing, Scalar, Table, YamlNode

__all__ = ["MAX_DEPTH", "MAX_FILE_BYTES", "parse_yaml", "read_yaml", "resolve_plain"]

MAX_FILE_BYTES = 8 * 1024 * 1024
MAX_DEPTH = 50
_MAX_LISTED = 20

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_BASED = re.compile(r"0x[0-9a-fA-F]+|0o[0-7]+")
_FLOAT = re.compile(r"[-+]?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
_SPECIAL_FLOAT = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_FORBIDDEN = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")


def read_yaml(path: str | Path) -> Document:
    """Return the document in a file.

    Raises
    ------
    RuleFileError
        When the file cannot be read, is too large, is not UTF-8, or is not YAML.
    """
    path = Path(path)
    shown = path.as_posix()

    def refuse(code: str, message: str, hint: str | None = None) -> RuleFileError:
        return RuleFileError([Diagnostic(code, message, hint=hint, path=shown)])

    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise refuse("FL502", f"the file has {path.stat().st_size:,} bytes; a rule file may have 8 MiB", "split it")
        content = path.read_bytes()
    except FileNotFoundError:
        raise refuse("FL501", "there is no such file", "check the path") from None
    except OSError as error:
        raise refuse("FL501", f"the file cannot be read: {error.strerror or error}") from error
    return parse_yaml(_decode(content, shown), path=shown)


def _decode(content: bytes, path: str) -> str:
    """Return the text of a file, or raise with the reason why it has none."""

    def refuse(message: str, line: int = 1, column: int = 1) -> RuleFileError:
        hint = "save it as UTF-8 without a byte order mark"
        return RuleFileError([Diagnostic("FL503", message, line, column, column + 1, hint=hint, path=path)])

    if content.startswith(b"\xef\xbb\xbf"):
        raise refuse("the file begins with a byte order mark")
    if content.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\x00" in content[:4]:
        raise refuse("the file is UTF-16 or UTF-32; rule files are UTF-8")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        before = content[: error.start]
        column = len(before[before.rfind(b"\n") + 1 :].decode("utf-8", errors="replace")) + 1
        message = f"the byte 0x{content[error.start]:02x} is not UTF-8"
        raise refuse(message, before.count(b"\n") + 1, column) from error


def parse_yaml(text: str, *, path: str | None = None) -> Document:
    """Return the document in a text.

    Raises
    ------
    RuleFileError
        When the text is too large, or is not YAML.

    Examples
    --------
    >>> from fluo_lab.rules.nodes import plain
    >>> plain(parse_yaml("{switch: on, at: 12:30, code: 012, n: 12, day: 2026-01-31}").root)
    {'switch': 'on', 'at': '12:30', 'code': '012', 'n': 12, 'day': '2026-01-31'}
    """
    document = Document(path, text)
    if len(text.encode("utf-8", errors="replace")) > MAX_FILE_BYTES:
        raise RuleFileError([document.diagnose("FL502", "the text is larger than 8 MiB", (0, 1), hint="split it")])
    strange = _FORBIDDEN.search(text)
    if strange:
        message = f"the character U+{ord(strange[0]):04X} cannot stand in a rule file"
        safe = Document(path, _FORBIDDEN.sub("\ufffd", text))
        raise RuleFileError(
            [safe.diagnose("FL503", message, strange.span(), hint="delete it, or write it as an escape")]
        )
    builder = _Builder(document)
    try:
        for event in _events(text):
            if not builder.take(event):
                break
    except yaml.MarkedYAMLError as error:
        raise RuleFileError([*builder.listed(), _syntax_problem(document, error)]) from error
    except yaml.YAMLError as error:
        raise RuleFileError([*builder.listed(), document.diagnose("FL504", f"not YAML: {error}", (0, 1))]) from error
    return Document(path, text, builder.root, tuple(builder.listed()))


def _events(text: str) -> Iterator[Any]:
    """Yield the parser's events, and give its memory back at the end."""
    loader = _Loader(text)
    try:
        while loader.check_event():
            yield loader.get_event()
    finally:
        loader.dispose()


def _nested_too_deep(document: Document, at: tuple[int, int]) -> Diagnostic:
    hint = "a rule file needs far fewer levels; check the brackets"
    return document.diagnose("FL509", f"nested deeper than {MAX_DEPTH} levels", at, hint=hint)


def _syntax_problem(document: Document, error: yaml.MarkedYAMLError) -> Diagnostic:
    mark = error.problem_mark or error.context_mark
    offset = 0 if mark is None else mark.index
    if error.problem == "exceeded maximum nesting depth":  # libyaml's scanner reads ahead of the events counted here
        return _nested_too_deep(document, (offset, offset + 1))
    message = f"not YAML: {error.problem or error.context}"
    if error.problem and error.context:
        message += f" ({error.context})"
    hint = None
    line = document.line_text(document.place(offset)[0])
    indent = line[: len(line) - len(line.lstrip())]
    if "\t" in indent or document.text[offset : offset + 1] == "\t":
        hint = "indent with spaces, not with tabs"
    elif "mapping values are not allowed" in message:
        hint = "put a value that holds ': ' in quotes, or check the indentation of this line"
    elif document.text[offset : offset + 1] in ("@", "`", "%", "*", "&"):
        hint = "put the value in quotes"
    return document.diagnose("FL504", message, (offset, offset + 1), hint=hint)


@dataclass
class _Frame:
    """A list or mapping that is still being read."""

    is_table: bool
    is_flow: bool
    start: int
    end: int
    items: list[YamlNode] = field(default_factory=list)
    entries: dict[str, Entry] = field(default_factory=dict)
    key: YamlNode | None = None

    def node(self) -> YamlNode:
        if self.is_table:
            return Table(self.entries, self.is_flow, self.start, self.end)
        return Listing(tuple(self.items), self.is_flow, self.start, self.end)


class _Builder:
    """Takes events, makes nodes, remembers what it refused."""

    def __init__(self, document: Document) -> None:
        self.root: YamlNode | None = None
        self._document = document
        self._frames: list[_Frame] = []
        self._problems: list[Diagnostic] = []
        self._unlisted = 0
        self._documents = 0

    def listed(self) -> list[Diagnostic]:
        """Return the problems, the last of which counts those too many to list."""
        if not self._unlisted:
            return self._problems
        return [*self._problems, self._document.diagnose("FL512", f"{self._unlisted:,} more findings", (0, 1))]

    def take(self, event: Any) -> bool:
        """Take one event; return whether to go on."""
        match event:
            case yaml.DocumentStartEvent():
                self._documents += 1
                if self._documents > 1:
                    hint = "keep one document a file: delete the '---' or split the file"
                    self._refuse("FL508", "a second YAML document begins here", event, hint=hint)
                    return False
            case yaml.AliasEvent():
                hint = "write the value out, or give it a name under 'params'"
                self._refuse("FL506", f"the alias '*{event.anchor}' cannot be used in rule files", event, hint=hint)
                self._attach(Scalar(REFUSED, "", *_span(event)))
            case yaml.ScalarEvent():
                self._refuse_marks(event)
                self._attach(self._scalar(event))
            case yaml.CollectionStartEvent():
                self._refuse_marks(event)
                if len(self._frames) >= MAX_DEPTH:
                    at = _span(event)
                    raise RuleFileError([*self.listed(), _nested_too_deep(self._document, at)])
                is_table = isinstance(event, yaml.MappingStartEvent)
                self._frames.append(_Frame(is_table, bool(event.flow_style), *_span(event)))
            case yaml.CollectionEndEvent():
                frame = self._frames.pop()
                if frame.is_flow:
                    _, frame.end = _span(event)
                self._attach(frame.node())
        return True

    def _attach(self, node: YamlNode) -> None:
        if not self._frames:
            self.root = node
            return
        frame = self._frames[-1]
        frame.end = max(frame.end, node.end)
        if not frame.is_table:
            frame.items.append(node)
        elif frame.key is None:
            frame.key = node
        else:
            key, frame.key = frame.key, None
            self._enter(frame, key, node)

    def _enter(self, frame: _Frame, key: YamlNode, value: YamlNode) -> None:
        diagnose = self._document.diagnose_node
        if not isinstance(key, Scalar) or not isinstance(key.value, str):
            if not isinstance(key, Scalar) or key.value is not REFUSED:
                shown = self._document.text[key.start : key.end] if isinstance(key, Scalar) else "a list or mapping"
                hint = f'write "{shown}"' if isinstance(key, Scalar) and shown else "write a text key"
                self._keep(
                    diagnose("FL510", f"a key must be text, and {shown or 'an empty one'} is not", key, hint=hint)
                )
        elif key.value in frame.entries:
            line, _ = self._document.place(frame.entries[key.value].key.start)
            hint = f"it stands first in line {line}; keep one of the two"
            self._keep(diagnose("FL507", f"the key '{key.value}' stands twice", key, hint=hint))
        else:
            frame.entries[key.value] = Entry(key, value)

    def _scalar(self, event: Any) -> Scalar:
        start, end = _span(event)
        style = event.style or ""
        if style in ("|", ">"):
            # The parser lets a block run on over blank lines; what follows them is not the block's.
            end = start + len(self._document.text[start:end].rstrip())
        is_plain = style == "" and event.implicit[0]
        value: Any = resolve_plain(event.value) if is_plain else event.value
        if value is REFUSED:
            hint = "put it in quotes if it is an identifier"
            self._keep(self._document.diagnose("FL511", "the integer is beyond 64 bits", (start, end), hint=hint))
        return Scalar(value, style, start, end)

    def _refuse_marks(self, event: Any) -> None:
        if event.anchor:
            hint = "delete it and write the value out where it is needed"
            self._refuse("FL506", f"the anchor '&{event.anchor}' cannot be used in rule files", event, hint=hint)
        if event.tag:
            self._refuse("FL505", f"the tag '{event.tag}' cannot be used in rule files", event, hint="delete the tag")

    def _refuse(self, code: str, message: str, event: Any, *, hint: str) -> None:
        self._keep(self._document.diagnose(code, message, _span(event), hint=hint))

    def _keep(self, problem: Diagnostic) -> None:
        if len(self._problems) < _MAX_LISTED:
            self._problems.append(problem)
        else:
            self._unlisted += 1


def _span(event: Any) -> tuple[int, int]:
    """Return the offsets of an event in the text, in characters."""
    return event.start_mark.index, event.end_mark.index


def resolve_plain(text: str) -> Any:
    """Return the value of an unquoted scalar; ``REFUSED`` for an integer beyond 64 bits."""
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text) or _BASED.fullmatch(text):
        if len(text) > 40:
            return REFUSED
        number = int(text, 10 if _INTEGER.fullmatch(text) else 0)
        return number if -(2**63) <= number < 2**63 else REFUSED
    if _FLOAT.fullmatch(text):
        return float(text)
    if _SPECIAL_FLOAT.fullmatch(text):
        return float(text.replace(".", "").lower())
    return text
