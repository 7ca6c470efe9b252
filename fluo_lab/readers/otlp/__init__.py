"""OTLP as JSON and as protobuf, in every framing files have: fast where it is ordinary, exact where it is not."""
