"""What is said where something is pickled that cannot be."""

from __future__ import annotations

from typing import Any


def refuse_clients(owner: object, **clients: Any) -> None:
    """Raise if `owner` was given an HTTP client, by the name of its argument: a pickle could not take it along.

    Raises:
        TypeError: it was; the text says what to do.
    """
    given = [name for name, client in clients.items() if client is not None]
    if given:
        raise TypeError(
            f"{type(owner).__name__} cannot be pickled: it was given {' and '.join(given)}, and HTTP clients do not "
            f"pickle. Leave them out of what is pickled, and give them to the object that is made where it is used."
        )
