"""The old import path of `aimlapi_integrations.endpoints.shared.adapt`, kept for one minor version."""

from .._utils.moved_modules import moved_getattr

__getattr__ = moved_getattr(__name__, "aimlapi_integrations.endpoints.shared.adapt")
