"""Jaeger JSON of every dialect: UI and API exports, what its storages hold, the protobuf as JSON."""
