"""Errors for objects that can't be pickled."""

from __future__ import annotations

from typing import Any


def refuse_clients(owner: object, **clients: Any) -> None:
    """Raise if the caller gave `owner` an HTTP client, since HTTP clients don't pickle.

    Args:
        owner: the object to pickle.
        clients: the HTTP clients or None, by the name of the argument.

    Raises:
        TypeError: one of them isn't None.
    """
    names = [name for name, client in clients.items() if client is not None]
    if names:
        raise TypeError(
            f"{type(owner).__name__} can't be pickled: it has {' and '.join(names)}, and HTTP clients don't pickle. "
            f"Leave them out, and pass them to the object where it is unpickled."
        )
