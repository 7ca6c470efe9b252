"""How traces get in: files of any known format, live stores and tables become one ``Traces`` store.

One file a format; the content decides, never the name. Whatever cannot be taken as it is becomes a problem that
names place, cause and count. This room knows no rules.
"""

from fluo_lab.readers.formats import FORMATS, PARQUET_FORMATS, Format
from fluo_lab.readers.read import TraceSource, read_traces

__all__ = ["FORMATS", "PARQUET_FORMATS", "Format", "TraceSource", "read_traces"]
