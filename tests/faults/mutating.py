"""Randomly mutated JSON and bytes: strategies for hypothesis."""

from __future__ import annotations

import pickle
from typing import Any

from hypothesis import strategies as st

DEEP: Any = "core"
for _ in range(150):
    DEEP = [DEEP]

_ODD: list[Any] = [
    *(None, True, False, 0, -1, 1.5, 10**30, float("inf"), float("nan"), "", "x", "null", "{", "0", "\ud800", "error"),
    *(
        [],
        [None],
        ["x"],
        [[]],
        [{}],
        {},
        {"type": "text"},
        {"text": 1},
        {"index": "0"},
        {"error": {}},
        DEEP,
        "y" * 3000,
    ),
    *(
        "[" * 3000,
        '{"a":' * 300 + "1" + "}" * 300,
        '{"a": "\\ud83d"}',
        "\ude00",
        -(10**400),
        {"message": "x", "status": 429},
    ),
]
ODD = [pickle.dumps(value) for value in _ODD]
"""Replacement values; pickled, so that each draw has its own copy."""

OPERATIONS = ("drop", "null", "retype", "retype", "duplicate", "reverse", "swap", "wrap", "rename")


@st.composite
def mutated_json(draw: st.DrawFn, values: list[Any]) -> Any:
    """Draw one of `values` with one to four nodes dropped, nulled, retyped, repeated, reordered or swapped."""
    value = pickle.loads(pickle.dumps(values[draw(st.integers(0, len(values) - 1))]))
    for _ in range(draw(_FEW)):
        if value:
            _mutate(draw, value)
    return value


_FEW = st.integers(1, 4)
_DEEPER = st.integers(0, 3)
_OPERATION = st.sampled_from(OPERATIONS)
_ANY = st.integers(0, len(ODD) - 1)
_NAME = st.sampled_from(["error", "type", "message", "id", "index", "content"])


def _mutate(draw: st.DrawFn, value: Any) -> None:
    parent, key = _draw_node(draw, value)
    match draw(_OPERATION):
        case "drop":
            del parent[key]
        case "null":
            parent[key] = None
        case "retype":
            parent[key] = pickle.loads(ODD[draw(_ANY)])
        case "duplicate" | "reverse" as operation if isinstance(parent, list):
            parent[:] = parent[::-1] if operation == "reverse" else [*parent, pickle.loads(pickle.dumps(parent[key]))]
        case "wrap":
            parent[key] = [parent[key]] if draw(st.booleans()) else {"value": parent[key]}
        case "rename" if isinstance(parent, dict):
            parent[draw(_NAME)] = parent.pop(key)
        case _:
            other, name = _draw_node(draw, value)
            parent[key] = pickle.loads(pickle.dumps(other[name]))


def _draw_node(draw: st.DrawFn, value: Any) -> tuple[Any, Any]:
    """Draw a node anywhere in a value, as its container and its key."""
    while True:
        keys = list(value) if isinstance(value, dict) else range(len(value))
        key = keys[draw(st.integers(0, len(keys) - 1))]
        inner = value[key]
        if not (isinstance(inner, (dict, list)) and inner and draw(_DEEPER)):
            return value, key
        value = inner


@st.composite
def mutated_bytes(draw: st.DrawFn, contents: list[bytes]) -> bytes:
    """Draw one of `contents`, truncated, or with bytes removed, inserted, repeated or changed."""
    whole = contents[draw(st.integers(0, len(contents) - 1))]
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(whole)))
        end = min(len(whole), start + draw(st.integers(0, 40)))
        match draw(_BYTES):
            case "cut":
                whole = whole[:start]
            case "out":
                whole = whole[:start] + whole[end:]
            case "in":
                whole = whole[:start] + draw(_NOISE) + whole[start:]
            case "twice":
                whole = whole[:end] + whole[start:]
            case "change":
                whole = whole[:start] + draw(_NOISE) + whole[end:]
    return whole


_BYTES = st.sampled_from(("cut", "out", "in", "twice", "change"))
_NOISE = st.one_of(
    st.binary(max_size=8),
    st.sampled_from(
        [
            b"\n\n",
            b"\r",
            b"data: ",
            b"data: [DONE]\n\n",
            b"event: error\n",
            b"\xef\xbb\xbf",
            b": ping\n\n",
            b"null",
            b"}",
        ]
    ),
)


@st.composite
def chunked(draw: st.DrawFn, whole: bytes) -> list[bytes]:
    """Draw a split of the bytes into up to five chunks."""
    cuts = sorted(draw(st.lists(st.integers(0, len(whole)), max_size=4)))
    return [whole[start:end] for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
