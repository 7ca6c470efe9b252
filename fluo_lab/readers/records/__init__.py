"""JSON span records: one object a span, in the dialects of SDK exporters, stores and test fixtures."""
