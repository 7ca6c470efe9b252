"""Every lint there is. One small class a question, one thought a file, one stable code a class."""

from fluo_lab.rules.lints.book import Implied, NoTests, Twin
from fluo_lab.rules.lints.constant import AlwaysBroken, AlwaysPasses, ConstantPart, NeverApplies
from fluo_lab.rules.lints.coverage import MostlyMissing
from fluo_lab.rules.lints.guards import NegativeGuard, NoGuard, SaidByGuard
from fluo_lab.rules.lints.lint import BookLint, DataLint, Lint
from fluo_lab.rules.lints.measured import Measured
from fluo_lab.rules.lints.mixed import MixedConnectives
from fluo_lab.rules.lints.names import UnknownAttribute, UnknownName, unknown_names
from fluo_lab.rules.lints.order import NoOrder
from fluo_lab.rules.lints.patterns import UnanchoredPattern
from fluo_lab.rules.lints.placeholders import CapitalLetter, PlaceholderWords, UnusedParameter
from fluo_lab.rules.lints.same_operation import TwoSpans

__all__ = [
    "BOOK_LINTS",
    "DATA_LINTS",
    "LINTS",
    "NAME_LINTS",
    "BookLint",
    "DataLint",
    "Lint",
    "Measured",
    "unknown_names",
]

LINTS: tuple[Lint, ...] = (
    NoGuard(),
    NegativeGuard(),
    CapitalLetter(),
    PlaceholderWords(),
    UnusedParameter(),
    NoOrder(),
    TwoSpans(),
    MixedConnectives(),
    SaidByGuard(),
)
"""Questions about a rule's text alone."""

NAME_LINTS: tuple[DataLint, ...] = (UnknownName(), UnknownAttribute())
"""Questions about the names in a rule, put to the traces first: what follows from a wrong one is not told as well."""

DATA_LINTS: tuple[DataLint, ...] = (
    UnanchoredPattern(),
    MostlyMissing(),
    NeverApplies(),
    AlwaysPasses(),
    AlwaysBroken(),
    ConstantPart(),
)
"""Questions about a rule whose names the traces have."""

BOOK_LINTS: tuple[BookLint, ...] = (NoTests(), Twin(), Implied())
"""Questions about rules that stand in one book, which a rule that is tried out need not answer."""
