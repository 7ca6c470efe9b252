"""Relations between spans as joins: who may pair with whom, by order and overlap, by kinship, by presence."""

from fluo_lab.engine.relations.order import shifted
from fluo_lab.engine.relations.related import Relations

__all__ = ["Relations", "shifted"]
