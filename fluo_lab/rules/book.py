"""The rule book: rules of one file or several, found by id, changed by copy, saved with every comment kept."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias, overload

from fluo_lab.errors import Diagnostic, RuleFileError, Severity, UsageError
from fluo_lab.language import ParamValue
from fluo_lab.rules.edit import add_rule, remove_rule, replace_rule
from fluo_lab.rules.load import parse_yaml, read_yaml
from fluo_lab.rules.reader import nearest
from fluo_lab.rules.rule import Rule
from fluo_lab.rules.validate import PlacedRule, is_rule_id, read_rules
from fluo_lab.rules.write import render_file, rule_to_mapping

__all__ = ["RuleBook"]

Paths: TypeAlias = str | Path | Iterable[str | Path]


@dataclass(frozen=True)
class _Source:
    """A file as it was when it was read: what a save must find unchanged."""

    digest: str
    rules: tuple[Rule, ...]


class RuleBook(Sequence[Rule]):
    """Rules in order, each id once.

    Examples
    --------
    >>> book = RuleBook().add(Rule("trace.has(payment.charge) and trace.has(inventory.reserve)", id="reserve-first"))
    >>> print(book.to_yaml(), end="")
    rules:
      - id: reserve-first
        name: reserve-first
        severity: medium
        condition: |
          trace.has(payment.charge) and trace.has(inventory.reserve)
    """

    def __init__(self, rules: Iterable[Rule] = ()) -> None:
        self._rules = tuple(rules)
        self._by_id: dict[str, Rule] = {}
        for rule in self._rules:
            if not is_rule_id(rule.id):
                raise UsageError(f"a rule's id is 2 to 80 of a-z 0-9 _ -, which '{rule.id}' is not")
            if rule.id in self._by_id:
                raise UsageError(f"two rules have the id '{rule.id}'; replace one, or give it another id")
            self._by_id[rule.id] = rule
        self._places: dict[str, PlacedRule] = {}
        self._sources: dict[Path, _Source] = {}

    # --- from files -----------------------------------------------------------------------------------------

    @classmethod
    def load(cls, paths: Paths, *, params: Mapping[str, ParamValue] | None = None) -> RuleBook:
        """Return the rules of a file, of all ``.yaml`` and ``.yml`` files in a folder, or of several of those.

        Parameters
        ----------
        params
            Values that go before the defaults in the files.

        Raises
        ------
        RuleFileError
            When anything is wrong; it carries every finding in every file.
        """
        book, problems = cls.read(paths, params=params)
        if any(problem.severity is Severity.ERROR for problem in problems):
            raise RuleFileError(problems)
        return book

    @classmethod
    def read(
        cls, paths: Paths, *, params: Mapping[str, ParamValue] | None = None
    ) -> tuple[RuleBook, tuple[Diagnostic, ...]]:
        """Return the good rules of files and folders, and what is wrong with the others.

        Parameters
        ----------
        params
            Values that go before the defaults of the rules that have or use a parameter of the name.
        """
        given = [paths] if isinstance(paths, (str, Path)) else list(paths)
        problems: list[Diagnostic] = []
        placed: list[PlacedRule] = []
        sources: dict[Path, _Source] = {}
        for path in _files(given, problems):
            try:
                document = read_yaml(path)
            except RuleFileError as error:
                problems += error.diagnostics
                continue
            good, wrong = read_rules(document, folder=path.resolve().parent, params=params)
            problems += wrong
            digest = _digest(document.text.encode("utf-8"))
            sources[path.resolve()] = _Source(digest, tuple(p.rule for p in good))
            placed += good
        book = cls._of(_unique(placed, problems))
        book._sources = sources
        return book, tuple(problems)

    @classmethod
    def from_text(cls, text: str, *, path: str | None = None) -> RuleBook:
        """Return the rules of a rule file's text.

        Parameters
        ----------
        path
            What findings call the text.

        Raises
        ------
        RuleFileError
            When anything is wrong with it.
        """
        placed, problems = read_rules(parse_yaml(text, path=path))
        kept = _unique(placed, problems)
        if any(problem.severity is Severity.ERROR for problem in problems):
            raise RuleFileError(problems)
        return cls._of(kept)

    @classmethod
    def _of(cls, placed: Iterable[PlacedRule]) -> RuleBook:
        placed = list(placed)
        book = cls(p.rule for p in placed)
        book._places = {p.rule.id: p for p in placed}
        return book

    # --- looking --------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self._rules)

    @overload
    def __getitem__(self, index: int) -> Rule: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Rule, ...]: ...
    def __getitem__(self, index: int | slice) -> Rule | tuple[Rule, ...]:
        return self._rules[index]

    def __repr__(self) -> str:
        shown = ", ".join(rule.id for rule in self._rules[:5])
        return f"RuleBook({len(self)} rules{': ' if shown else ''}{shown}{', …' if len(self) > 5 else ''})"

    def get(self, rule_id: str) -> Rule:
        """Return the rule with an id.

        Raises
        ------
        UsageError
            When there is none; the message names the nearest id.
        """
        if rule_id not in self._by_id:
            hint = nearest(rule_id, self._by_id)
            raise UsageError(f"no rule has the id '{rule_id}' among {len(self)}" + (f"; {hint}" if hint else ""))
        return self._by_id[rule_id]

    @property
    def enabled(self) -> tuple[Rule, ...]:
        """The rules without ``enabled: false``."""
        return tuple(rule for rule in self._rules if rule.extra.get("enabled") is not False)

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files the book was read from, in full."""
        return tuple(self._sources)

    def locate(self, rule_id: str, diagnostic: Diagnostic) -> Diagnostic:
        """Return a finding about a rule's condition as one about its file; unchanged where there is no file."""
        place = self._places.get(rule_id)
        if place is None or place.rule != self._by_id.get(rule_id):
            return diagnostic
        return place.condition.move(diagnostic)

    # --- changing -------------------------------------------------------------------------------------------

    def add(self, rule: Rule) -> RuleBook:
        """Return a book with one more rule at the end; an id that is taken is a ``UsageError``."""
        return self._changed((*self._rules, rule))

    def replace(self, rule: Rule) -> RuleBook:
        """Return a book with another rule under the same id; an unknown id is a ``UsageError``."""
        self.get(rule.id)
        return self._changed(rule if old.id == rule.id else old for old in self._rules)

    def remove(self, rule_id: str) -> RuleBook:
        """Return a book without a rule; an unknown id is a ``UsageError``."""
        self.get(rule_id)
        return self._changed(rule for rule in self._rules if rule.id != rule_id)

    def _changed(self, rules: Iterable[Rule]) -> RuleBook:
        book = RuleBook(rules)
        book._places, book._sources = self._places, self._sources
        return book

    # --- out again ------------------------------------------------------------------------------------------

    def to_yaml(self) -> str:
        """Return the rules as the text of a new rule file."""
        return render_file(rule_to_mapping(rule) for rule in self._rules)

    def save(self, path: str | Path) -> Path:
        """Write the book to a file, which is complete or unchanged.

        The file the book was read from is edited in place: only changed fields are written anew. Any other file
        must not exist yet.

        Raises
        ------
        UsageError
            When the file has changed since it was read, exists without having been read, or is one of several
            the book was read from.
        """
        path = Path(path)
        source = self._sources.get(path.resolve())
        if source is None:
            if path.exists():
                raise UsageError(
                    f"{path} exists and this book was not read from it; load it first, or take another name"
                )
            text = self.to_yaml()
        else:
            text = self._edited(path, source)
        content = text.encode("utf-8")
        _write_whole(path, content, is_new=source is None)
        self._sources = {path.resolve(): _Source(_digest(content), self._rules)}
        self._places = {p.rule.id: p for p in read_rules(parse_yaml(text, path=path.as_posix()))[0]}
        return path

    def _edited(self, path: Path, source: _Source) -> str:
        if len(self._sources) > 1:
            raise UsageError(f"this book comes from {len(self._sources)} files; load the one to be saved alone")
        try:
            content = path.read_bytes()
        except OSError as error:
            raise UsageError(f"{path} cannot be read any more: {error.strerror or error}") from error
        if _digest(content) != source.digest:
            raise UsageError(f"{path} has changed on disk since it was read; load it again and repeat the change")
        text = content.decode("utf-8")
        before = {rule.id: rule for rule in source.rules}
        for rule_id in before:
            if rule_id not in self._by_id:
                text = remove_rule(text, rule_id)
        for rule in self._rules:
            if rule.id not in before:
                text = add_rule(text, rule)
            elif rule != before[rule.id]:
                text = replace_rule(text, rule)
        return text


def _files(given: Sequence[str | Path], problems: list[Diagnostic]) -> list[Path]:
    """Return the files meant, folders searched in order of name, none twice."""
    found: dict[Path, Path] = {}
    for path in map(Path, given):
        if not path.is_dir():
            found.setdefault(path.resolve(), path)
            continue
        inside = sorted(
            file
            for file in path.rglob("*")
            if file.suffix in (".yaml", ".yml")
            and file.is_file()
            and not any(part.startswith(".") for part in file.relative_to(path).parts)
        )
        if not inside:
            message = "the folder has no rule files"
            hint = "rule files end in .yaml or .yml"
            problems.append(Diagnostic("FL501", message, hint=hint, path=path.as_posix()))
        for file in inside:
            found.setdefault(file.resolve(), file)
    if not given:
        problems.append(Diagnostic("FL501", "no rule file is given", hint="name a file or a folder"))
    return list(found.values())


def _unique(placed: Sequence[PlacedRule], problems: list[Diagnostic]) -> list[PlacedRule]:
    """Return the rules with ids of their own; of two with one id neither can be meant, so both are reported."""
    by_id: dict[str, list[PlacedRule]] = {}
    for p in placed:
        by_id.setdefault(p.rule.id, []).append(p)
    for rule_id, same in by_id.items():
        for p in same[1:]:
            first = (
                f"{same[0].path or 'the rule'}, line {same[0].line}"
                if p.path != same[0].path
                else f"line {same[0].line}"
            )
            message = f"the id '{rule_id}' is taken by the rule in {first}"
            problems.append(replace(p.id_finding, message=message, hint="give one of the two another id"))
    return [p for p in placed if by_id[p.rule.id][0] is p]


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _write_whole(path: Path, content: bytes, *, is_new: bool) -> None:
    """Write a file by way of a neighbour, so that no reader ever sees half of it."""
    target = path if is_new else path.resolve()
    beside = target.with_name(f".{target.name}.{os.getpid()}.new")
    try:
        with beside.open("xb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        if not is_new:
            beside.chmod(target.stat().st_mode & 0o777)
        beside.replace(target)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror or error}") from error
    finally:
        beside.unlink(missing_ok=True)
