"""How traces get out again: one store becomes files that other tools of the field read.

One file a format, each complete or not there; what the format cannot say is a warning with a count. This room knows
neither rules nor the readers.
"""

from fluo_lab.writers.losses import LossWarning
from fluo_lab.writers.otlp_json import encode_otlp_json, to_otlp_json
from fluo_lab.writers.otlp_proto import encode_otlp_proto, to_otlp_proto

__all__ = ["LossWarning", "encode_otlp_json", "encode_otlp_proto", "to_otlp_json", "to_otlp_proto"]
