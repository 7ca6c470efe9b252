"""Addresses of live stores are read by the same call and the same commands as files."""

from __future__ import annotations
