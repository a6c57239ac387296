"""Turn what the gateway publishes about its models into rows of the table: `aimlapi models refresh`.

`openapi` reads a model's request schema out of a document of `GET /docs-json`. `schema_facts` and `chat_facts` derive
capabilities from it, with a JSON schema validator. `table` adds them to a table as rows.
"""

from __future__ import annotations

from .openapi import request_schema
from .table import LiveModel, SchemaError, Table, merge_models, prune, write_table

__all__ = ["LiveModel", "SchemaError", "Table", "merge_models", "prune", "request_schema", "write_table"]
