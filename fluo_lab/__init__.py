"""A workbench for Invariant-Driven Development: mine, test and enforce rules over OpenTelemetry traces.

Everything a notebook needs is here by name and loaded when first used: ``read_traces``, ``mine``, ``Rule``,
``RuleBook``. The rooms below, each a package of its own, hold the rest.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fluo_lab.language import parse_rule
    from fluo_lab.mining import mine
    from fluo_lab.readers import read_traces
    from fluo_lab.rules import Rule, RuleBook, check
    from fluo_lab.traces import Traces, read_buckets
    from fluo_lab.writers import to_otlp_json, to_otlp_proto

__version__ = version("fluo-lab")

__all__ = [
    "Rule",
    "RuleBook",
    "Traces",
    "check",
    "mine",
    "parse_rule",
    "read_buckets",
    "read_traces",
    "to_otlp_json",
    "to_otlp_proto",
]

_HOMES = {
    "Rule": "rules",
    "RuleBook": "rules",
    "Traces": "traces",
    "check": "rules",
    "mine": "mining",
    "parse_rule": "language",
    "read_buckets": "traces",
    "read_traces": "readers",
    "to_otlp_json": "writers",
    "to_otlp_proto": "writers",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'fluo_lab' has no attribute {name!r}")
    return getattr(import_module(f"fluo_lab.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
