"""What golden files have in common: the spans they are about, the trees they are written from."""

from __future__ import annotations

import base64
import copy
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

START: Final = 1_730_291_040_680_439_518
TRACES: Final = ("5b8efff798038103d269b633813fc60c", "0af7651916cd43dd8448eb211c80319c")
# Parents by position: two trees of two and three spans; services alternate, names are all different.
PARENTS: Final = (None, 0, 1, None, 3)
NAMES: Final = ("checkout", "charge card", "insert é", "GET /cart/{id}", "cache.get")
SERVICES: Final = ("front", "payment", "payment", "front", "cart")


@dataclass(frozen=True)
class Raw:
    """JSON text that is written as it stands, valid or not."""

    text: str


@dataclass(frozen=True)
class Bytes:
    """The bytes of a protobuf field, with the wire type they go under."""

    data: bytes
    wire: int = 2


class Message(list[Any]):
    """A protobuf message: ``[number, value]`` for each field, values whole numbers, ``Bytes`` or messages."""


@dataclass(frozen=True)
class Golden:
    """A good file.

    Attributes
    ----------
    name
        What tests call it.
    tree
        Documents, messages, or a ``Table``'s rows; every span has a name of its own.
    write
        Makes the bytes of a tree.
    element_depth
        How many steps of a path lead to the part that is lost where text in it is no JSON.
    is_joint
        Whether a record may change how others of its trace are read.
    """

    name: str
    tree: Any
    write: Callable[[Any], bytes]
    element_depth: int = 1
    is_joint: bool = False

    @property
    def data(self) -> bytes:
        """The file."""
        return self.write(copy.deepcopy(self.tree))


def span_id_of(i: int) -> str:
    return f"eee19b7ec3c1b17{i}"


def trace_of(i: int) -> str:
    return TRACES[i > 2]


def start_of(i: int) -> int:
    return START + 1_000_000 * i


def end_of(i: int) -> int:
    return START + 9_000_000 - 1_000_000 * i


# JSON


def write_json(value: Any, *, indent: int | None = None) -> bytes:
    """Return a value as JSON in ASCII; ``Raw`` texts stand in it as they are."""
    raws: list[str] = []

    def show(one: object) -> str:
        assert isinstance(one, Raw)
        raws.append(one.text)
        return f"<raw {len(raws) - 1}>"

    text = json.dumps(value, default=show, indent=indent, separators=None if indent else (",", ":"))
    for number, raw in enumerate(raws):
        text = text.replace(f'"<raw {number}>"', raw)
    # A member whose name ends so stands there under its bare name, for the second time.
    return text.replace("\\u0000again", "").encode()


def write_lines(documents: Any) -> bytes:
    return b"".join(write_json(document) + b"\n" for document in documents)


def write_pretty(documents: Any) -> bytes:
    return b"\n".join(write_json(document, indent=2) for document in documents)


def write_one(documents: Any) -> bytes:
    return b"".join(write_json(document) for document in documents)


def to_base64(digits: str) -> str:
    return base64.b64encode(bytes.fromhex(digits)).decode()
