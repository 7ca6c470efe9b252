"""The worlds there are, by name."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from types import MappingProxyType

from fluo_lab.errors import UsageError
from fluo_lab.worlds.checkout import CHECKOUT
from fluo_lab.worlds.fintech import FINTECH
from fluo_lab.worlds.health import HEALTH
from fluo_lab.worlds.llm import LLM
from fluo_lab.worlds.saas import SAAS
from fluo_lab.worlds.world import World

__all__ = ["WORLDS", "world_named"]

WORLDS: Mapping[str, World] = MappingProxyType({one.name: one for one in (CHECKOUT, SAAS, FINTECH, LLM, HEALTH)})
"""Every world by its name."""


def world_named(name: str) -> World:
    """Return a world.

    Raises
    ------
    UsageError
        When there is none of that name.
    """
    if name in WORLDS:
        return WORLDS[name]
    near = get_close_matches(name, WORLDS, n=1)
    hint = f"did you mean '{near[0]}'? " if near else ""
    raise UsageError(f"no dataset is called '{name}': {hint}there are {', '.join(WORLDS)}, and 'all'")
