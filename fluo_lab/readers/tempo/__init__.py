"""Grafana Tempo's blocks, vParquet2 to vParquet5."""
