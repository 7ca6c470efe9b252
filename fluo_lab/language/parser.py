"""From text to tree: the entrances of the language."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, TypeVar

from fluo_lab.errors import RuleError
from fluo_lab.language.bind import ParamValue, bind_parameters
from fluo_lab.language.checks import check
from fluo_lab.language.findings import Findings
from fluo_lab.language.scan import scan, text_problems
from fluo_lab.language.tree import Condition, Node, Predicate, RuleTree

if TYPE_CHECKING:
    from lark import Lark

    from fluo_lab.language.build_predicate import Branch
    from fluo_lab.language.build_rule import RuleBuilder

__all__ = ["bind", "grammar", "parse_condition", "parse_predicate", "parse_rule", "parse_template"]

N = TypeVar("N", bound=Node)


@cache
def grammar() -> Lark:
    """Return the parser, built when the first text is parsed: importing the room stays cheap."""
    from lark import Lark

    text = files("fluo_lab.language").joinpath("grammar.lark").read_text(encoding="utf-8")
    return Lark(
        text,
        parser="lalr",
        lexer="contextual",
        start=["rule", "only_condition", "only_predicate"],
        propagate_positions=True,
        maybe_placeholders=False,
    )


def parse_rule(text: str, *, params: Mapping[str, ParamValue] | None = None) -> RuleTree:
    """Return the tree of a rule, with its parameters bound.

    Parameters
    ----------
    text
        The rule, as clauses or as a bare condition.
    params
        Values for the rule's ``$names``. A text such as ``"10m"`` is a duration where one is expected.

    Raises
    ------
    RuleError
        The text is no rule; its diagnostics say where, why and what to write.

    Examples
    --------
    >>> rule = parse_rule("trace.has(payment.charge) and trace.has(inventory.reserve)")
    >>> rule.when.selection.operation.name.parts, rule.always.selection.operation.name.parts
    (('payment.charge',), ('inventory.reserve',))
    """
    findings = Findings(text)
    tree = _built(text, findings, "rule", lambda builder, node: builder.rule(node))
    return _finished(tree, findings, params or {})


def parse_template(text: str) -> RuleTree:
    """Return the tree of a rule, with its parameters left open.

    Raises
    ------
    RuleError
        The text is no rule, whatever its parameters are.

    Examples
    --------
    >>> parse_template("trace.count(llm.generate) <= $limit").always.right
    Parameter(name='limit')
    """
    findings = Findings(text)
    return _finished(_built(text, findings, "rule", lambda builder, node: builder.rule(node)), findings, None)


def bind(tree: RuleTree, params: Mapping[str, ParamValue], *, text: str = "") -> RuleTree:
    """Return a template's tree with its parameters bound.

    Parameters
    ----------
    tree
        What ``parse_template`` returned.
    params
        Values for the ``$names``.
    text
        The template's text, for the excerpts in errors.

    Raises
    ------
    RuleError
        A parameter has no value, or one that does not fit its place.

    Examples
    --------
    >>> bind(parse_template("trace.count(llm.generate) <= $limit"), {"limit": 3}).always.right
    Number(value=3)
    """
    return _finished(tree, Findings(text), params)


def parse_condition(text: str, *, params: Mapping[str, ParamValue] | None = None) -> Condition:
    """Return a condition by itself; as inside the braces of a clause, ``trace.`` may be left out.

    Raises
    ------
    RuleError
        The text is no condition.
    """
    findings = Findings(text)
    build: Callable[[RuleBuilder, Branch], Condition] = lambda b, node: b.condition(_only(node))  # noqa: E731
    return _finished(_built(text, findings, "only_condition", build, is_short=True), findings, params or {})


def parse_predicate(text: str, *, params: Mapping[str, ParamValue] | None = None) -> Predicate:
    """Return a predicate by itself: what may stand between the parentheses of ``.where``.

    Raises
    ------
    RuleError
        The text is no predicate.

    Examples
    --------
    >>> parse_predicate("amount > 1000").value
    Number(value=1000)
    """
    findings = Findings(text)
    build: Callable[[RuleBuilder, Branch], Predicate] = lambda b, node: b.predicate(_only(node))  # noqa: E731
    return _finished(_built(text, findings, "only_predicate", build), findings, params or {})


def _only(node: Branch) -> Branch:
    from lark import Tree

    return next(child for child in node.children if isinstance(child, Tree))


def _built(
    text: str,
    findings: Findings,
    start: str,
    build: Callable[[RuleBuilder, Branch], N],
    *,
    is_short: bool = False,
) -> N:
    """Return the tree a text stands for. What the builder finds waits in ``findings``."""
    from lark.exceptions import UnexpectedInput

    from fluo_lab.language.build_rule import RuleBuilder
    from fluo_lab.language.messages import dialect_problem, syntax_problem

    tokens = scan(text)
    is_rule = start == "rule"
    foreign = dialect_problem(text, tokens) if is_rule and any(token.text == "=>" for token in tokens) else None
    problems = [foreign] if foreign else text_problems(text, tokens)
    if problems:
        raise RuleError(problems)
    try:
        node = grammar().parse(text, start=start)
    except UnexpectedInput as error:
        foreign = dialect_problem(text, tokens) if is_rule else None
        raise RuleError([foreign or syntax_problem(text, tokens, error)]) from None
    builder = RuleBuilder(findings, is_short=is_short)
    tree = build(builder, node)
    for unique in builder.uniques:
        builder.unique_misplaced(unique.value.at)
    if findings.diagnostics and is_rule:
        foreign = dialect_problem(text, tokens)
        if foreign:
            raise RuleError([foreign])
    return tree


def _finished(tree: N, findings: Findings, params: Mapping[str, ParamValue] | None) -> N:
    """Return the bound and checked tree, or raise everything that was found."""
    bound = tree if params is None else bind_parameters(tree, params, findings)
    check(bound, findings)
    if findings.diagnostics:
        raise RuleError(sorted(findings.diagnostics, key=lambda found: (found.start, found.code)))
    return bound
