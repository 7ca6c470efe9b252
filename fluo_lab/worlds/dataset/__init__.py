"""Worlds as folders of files: traces, the truth about them, labels, and the post-mortems of what went wrong."""

from fluo_lab.worlds.dataset.build import Built, DatasetFormat, Order, build_dataset
from fluo_lab.worlds.dataset.cache import cached_dataset

__all__ = ["Built", "DatasetFormat", "Order", "build_dataset", "cached_dataset"]
