"""Traces from live stores over HTTP: Grafana Tempo and Jaeger."""

from fluo_lab.readers.live.read import is_live, parse_target, read_live

__all__ = ["is_live", "parse_target", "read_live"]
