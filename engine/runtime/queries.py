"""The query of a GET as plain values, and what is wrong with it."""

from __future__ import annotations

from collections import Counter
from typing import Any
from urllib.parse import parse_qsl

from engine.pipeline.schema_check import FieldProblem

Tree = Any


def query_of(text: str) -> tuple[dict[str, Tree], list[FieldProblem]]:
    """Query parameters, each given once, and what is wrong with them."""
    try:
        pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=bool(text), max_num_fields=20)
    except ValueError:
        return {}, [("", "查询参数无法读取", "the query cannot be read")]
    twice = [name for name, count in Counter(name for name, _ in pairs).items() if count > 1]
    return dict(pairs), [(name, "重复给出", "given more than once") for name in twice]
