"""Completion: what may come next at a place in a rule, from the grammar and from the names of loaded traces."""

from fluo_lab.language.completion.complete import Completion, CompletionKind, complete
from fluo_lab.language.completion.vocabulary import (
    AttributeUse,
    EventUse,
    OperationUse,
    SpanName,
    ValueUse,
    Vocabulary,
)

__all__ = [
    "AttributeUse",
    "Completion",
    "CompletionKind",
    "EventUse",
    "OperationUse",
    "SpanName",
    "ValueUse",
    "Vocabulary",
    "complete",
]
