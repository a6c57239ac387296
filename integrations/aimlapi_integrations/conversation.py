"""The old import path of `aimlapi_integrations.types`, kept for one minor version."""

from ._utils.lazy_imports import moved_getattr

__getattr__ = moved_getattr(__name__, "aimlapi_integrations.types", {"Trail": "CallMetadata"})
