"""Relations between spans as joins: who may pair with whom, by order and overlap, by kinship, by presence."""

from fluo_lab.engine.relations.related import Relations
from fluo_lab.engine.relations.times import shifted

__all__ = ["Relations", "shifted"]
