"""A rule with what people say about it: id, name, severity, parameters, inline tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from fluo_lab.errors import UsageError
from fluo_lab.language import ParamValue, RuleTree, parse_condition, parse_rule, print_rule, read_aloud
from fluo_lab.rules.inline import InlineTest

if TYPE_CHECKING:
    from fluo_lab.rules.check import RuleResult
    from fluo_lab.traces import Traces

__all__ = ["Mode", "Rule", "RuleSeverity"]


class RuleSeverity(StrEnum):
    """How much a violation matters, least first."""

    INFO = "info"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """Position in the order from info to critical."""
        return list(RuleSeverity).index(self)


class Mode(StrEnum):
    """What the condition states: what must hold, or the bad pattern that must never occur."""

    REQUIRE = "require"
    DETECT = "detect"


@dataclass(frozen=True)
class Rule:
    """One rule of a rule book, or one tried out by hand.

    Attributes
    ----------
    condition
        The rule's text, as written.
    severity, mode
        Words do as well: ``severity="critical"``. The mode ``detect`` means ``never { condition }``.
    params
        Values for ``$name`` in the condition.
    tests
        Inline examples with the verdict each must get.
    extra
        Further fields of the rule file, kept as they are.

    Raises
    ------
    RuleError
        When the condition cannot be parsed.
    UsageError
        When the severity or the mode is none.

    Examples
    --------
    >>> rule = Rule("trace.has(payment.charge) and trace.has(inventory.reserve)", id="payment-requires-inventory")
    >>> print(rule.text)
    when { trace.has(payment.charge) } always { trace.has(inventory.reserve) }
    """

    condition: str
    id: str = "rule"
    name: str = ""
    severity: RuleSeverity = RuleSeverity.MEDIUM
    description: str = ""
    mode: Mode = Mode.REQUIRE
    params: Mapping[str, ParamValue] = field(default_factory=dict)
    tests: tuple[InlineTest, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "severity", _member(RuleSeverity, self.severity, "severity"))
        object.__setattr__(self, "mode", _member(Mode, self.mode, "mode"))
        _ = self.tree

    @cached_property
    def tree(self) -> RuleTree:
        """The syntax tree, parameters filled in."""
        if self.mode is Mode.DETECT:
            return RuleTree(never=parse_condition(self.condition, params=self.params))
        return parse_rule(self.condition, params=self.params)

    @property
    def text(self) -> str:
        """The rule in its canonical ``when … always … never …`` form."""
        return print_rule(self.tree)

    @property
    def reading(self) -> str:
        """The rule as one English sentence."""
        return read_aloud(self.tree)

    def test(
        self,
        traces: Traces,
        *,
        judge_incomplete: bool = False,
        span_skew_ns: int = 0,
        seen_until_ns: int | None = None,
    ) -> RuleResult:
        """Return the verdicts of this rule on traces.

        Parameters
        ----------
        judge_incomplete
            Whether to take every trace for complete, so that only an order within the clocks' skew is inconclusive.
        span_skew_ns
            How far the clocks of two spans may be apart: an order within it is unknown.
        seen_until_ns
            Up to when spans have been seen; groups across traces whose window reaches there are incomplete. None: no
            more will come.
        """
        from fluo_lab.rules.check import check

        return check(
            [self],
            traces,
            judge_incomplete=judge_incomplete,
            span_skew_ns=span_skew_ns,
            seen_until_ns=seen_until_ns,
        )[0]


Member = TypeVar("Member", bound=StrEnum)


def _member(enum: type[Member], value: str, what: str) -> Member:
    """Return the member of an enum that a word names."""
    try:
        return enum(value)
    except ValueError:
        words = ", ".join(enum)
        raise UsageError(f"{what} is one of {words}, not {value!r}") from None
