"""Writes `media.json` anew from the vendor's published request schemas.

    python tests/contract/refresh_media.py --contract DIR --out integrations/aimlapi_integrations/models/media.json

DIR has `beyond_chat.json.gz`, gzipped JSON, `{path: [{"page", "requestBody"}]}`: the operations of the vendor's OpenAPI
files by path. The sections `ocr` and `speech_to_text` and the rows of `images` called `*` are kept by
hand; the rest of `images` is derived. A model that several pages document gets what all of them accept.
"""

from __future__ import annotations

import argparse
import gzip
import json
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

Json = dict[str, Any]

GENERATIONS, EDITS = "/v1/images/generations", "/v1/images/edits"
NOT_IMAGES = "3d-generating-models"

SIZES = ("image_size", "size", "aspect_ratio")
COUNTS = ("num_images", "n")
INPUTS = ("image_urls", "image_url", "image")
OWN = {"model", "prompt", "mask", "type", *SIZES, *COUNTS, *INPUTS}


def main() -> int:
    cli = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_argument("--contract", type=Path, required=True, help="the folder with beyond_chat.json.gz")
    cli.add_argument("--out", type=Path, required=True, help="the table to refresh")
    cli.add_argument("--date", default=date.today().isoformat(), help="the day of the source, today by default")
    args = cli.parse_args()
    operations = json.loads(gzip.decompress((args.contract / "beyond_chat.json.gz").read_bytes()))
    table = json.loads(args.out.read_text(encoding="utf-8"))
    table["about"]["date"] = args.date
    table["images"] = image_section(operations, table["images"])
    args.out.write_text(written(table), encoding="utf-8")
    print(f"{args.out}: {len(table['images']['models'])} image models, {args.out.stat().st_size / 1000:.0f} KB")
    return 0


def image_section(operations: Json, old: Json) -> Json:
    """Shapes by name, and the shape of each model; a shape is named after its first model."""
    rows: dict[str, Json] = {}
    for model, schemas in sorted(by_model(operations[GENERATIONS]).items()):
        rows[model] = merged([generation_row(schema) for schema in schemas])
    for model, schemas in by_model(operations[EDITS]).items():
        rows[model]["upload"] = merged([upload_row(schema) for schema in schemas])
    names: dict[str, str] = {}
    shapes = {name: shape for name, shape in old["shapes"].items() if name == "*"}
    models = {}
    for model, row in rows.items():
        key = json.dumps(row, sort_keys=True)
        models[model] = names.setdefault(key, model)
        shapes[models[model]] = row
    return {"shapes": shapes, "models": models}


def by_model(operations: list[Json]) -> dict[str, list[Json]]:
    """The request schemas of each model of images."""
    found: dict[str, list[Json]] = {}
    for operation in operations:
        if NOT_IMAGES not in operation["page"]:
            schema = operation["requestBody"]["content"]["application/json"]["schema"]
            for model in schema["properties"]["model"]["enum"]:
                found.setdefault(model, []).append(schema)
    return found


def generation_row(schema: Json) -> Json:
    """What a model accepts on /images/generations."""
    properties, required = schema["properties"], schema.get("required", [])
    row: Json = {"parameters": words(properties.keys() - OWN)}
    if "prompt" in properties:
        row["max_prompt"] = properties["prompt"].get("maxLength", 0)
    if size := size_row(properties):
        row["size"] = size
    if count := count_row(properties):
        row["count"] = count
    if inputs := input_row(properties, required):
        row["inputs"] = inputs
    if "image_edit" in properties.get("type", {}).get("enum", ()):
        row["edit_type"] = "image_edit"
    others = {name: properties[name].get("enum", []) for name in required if name not in OWN}
    return {**row, **({"required": others} if others else {})}


def upload_row(schema: Json) -> Json:
    """What a model accepts on /images/edits, which takes files."""
    properties = schema["properties"]
    [most] = (branch["maxItems"] for branch in properties["image"]["anyOf"] if "maxItems" in branch)
    return {
        "max_prompt": properties["prompt"].get("maxLength", 0),
        "size": size_row(properties),
        "count": count_row(properties),
        "inputs": {"field": "image", "list": True, "max": most},
        "parameters": words(properties.keys() - OWN),
        "mask": "mask" in properties,
    }


def size_row(properties: Json) -> Json | None:
    """How a model is told the size: the field, its values, and the bounds of width and height in pixels."""
    field = next((name for name in SIZES if name in properties), None)
    if field is None:
        return None
    branches = properties[field].get("anyOf", [properties[field]])
    values = [value for branch in branches for value in branch.get("enum", ())]
    bounds = [branch["properties"]["width"] for branch in branches if "properties" in branch]
    if values == ["adaptive"]:
        return None
    row: Json = {"field": field, "values": " ".join(values)}
    if bounds:
        row["pixels"] = [int(bounds[0].get("minimum", 64)) or 64, int(bounds[0].get("maximum", 4096))]
    return row


def count_row(properties: Json) -> Json | None:
    """How many images one call makes: the field and the most."""
    field = next((name for name in COUNTS if name in properties), None)
    if field is None:
        return None
    schema = properties[field]
    return {"field": field, "max": int(schema.get("maximum") or max(schema.get("enum", [4])))}


def input_row(properties: Json, required: list[str]) -> Json | None:
    """Where images to edit go: the field, whether it is a list, the most of them, and whether one is required."""
    field = next((name for name in INPUTS if name in properties), None)
    if field is None:
        return None
    branches = properties[field].get("anyOf", [properties[field]])
    lists = [branch for branch in branches if branch.get("type") == "array"]
    row: Json = {"field": field, "list": bool(lists), "max": max([1, *(each.get("maxItems", 4) for each in lists)])}
    return {**row, "required": True} if field in required else row


def words(names: Iterable[str]) -> str:
    """Names in order, separated by spaces."""
    return " ".join(sorted(names))


def merged(rows: list[Json]) -> Json:
    """What all rows of one model accept; the parameters are those that any of them lists."""
    first = json.loads(json.dumps(rows[0]))
    for row in rows[1:]:
        first["parameters"] = words({*first["parameters"].split(), *row["parameters"].split()})
        if "count" in first and "count" in row:
            first["count"]["max"] = min(first["count"]["max"], row["count"]["max"])
        if pixels := (first.get("size") or {}).get("pixels"):
            other = row.get("size", {}).get("pixels", pixels)
            first["size"]["pixels"] = [max(pixels[0], other[0]), min(pixels[1], other[1])]
    return dict(first)


def written(table: Json) -> str:
    """The table as JSON: a line for each family, shape or model."""
    return "{\n" + ",\n".join(f' "{name}": {_section(part, 1)}' for name, part in table.items()) + "\n}\n"


def _section(part: Any, depth: int) -> str:
    if (
        not isinstance(part, dict)
        or not part
        or (depth > 2 or not any(isinstance(each, dict) for each in part.values()))
    ):
        return _lines(part, depth) if _is_map_of_names(part) else _compact(part)
    pad = " " * (depth + 1)
    inner = ",\n".join(f"{pad}{json.dumps(name)}: {_section(each, depth + 1)}" for name, each in part.items())
    return "{\n" + inner + "\n" + " " * depth + "}"


def _is_map_of_names(part: Any) -> bool:
    return isinstance(part, dict) and len(part) > 12 and all(isinstance(each, str) for each in part.values())


def _lines(part: Json, depth: int) -> str:
    return "{" + _wrap(_items(part), " " * (depth + 1)) + "}"


def _items(part: Json) -> Iterator[str]:
    return (f"{json.dumps(name)}: {json.dumps(each)}" for name, each in part.items())


def _wrap(items: Iterator[str], pad: str) -> str:
    lines = [""]
    for item in items:
        if len(lines[-1]) + len(item) > 116:
            lines.append("")
        lines[-1] += f"{item}, "
    text = f"\n{pad}".join(line.rstrip() for line in lines)
    return f"\n{pad}{text}".removesuffix(",") + f"\n{pad[:-1]}"


def _compact(part: Any) -> str:
    return json.dumps(part, ensure_ascii=False)


if __name__ == "__main__":
    raise SystemExit(main())
