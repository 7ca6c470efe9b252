"""Zipkin JSON, v2 and v1, with shared spans split and late pieces merged as Zipkin does."""
