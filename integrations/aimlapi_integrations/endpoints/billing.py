"""`GET /v2/billing`: the account's balance.

https://docs.aimlapi.com/api-references/service-endpoints/account-balance
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation

from ..types import CallMetadata, Json
from .shared import parsing
from .shared.parsing import as_str, json_type


@dataclass(frozen=True, slots=True)
class Balance:
    """What the account has left: `amount` in `currency`, which is documented to be USD always."""

    amount: Decimal
    currency: str = "USD"
    call_metadata: CallMetadata = field(default_factory=CallMetadata)

    def __str__(self) -> str:
        return f"{self.amount:.2f} {self.currency}"


def billing_url(base_url: str) -> str:
    """Return the URL of the balance: at the root of the host, not below `/v1`.

    >>> billing_url("https://api.aimlapi.com/v1")
    'https://api.aimlapi.com/v2/billing'
    """
    return f"{base_url.rstrip('/').removesuffix('/v1')}/v2/billing"


def decode(body: Json, headers: Mapping[str, str]) -> Balance:
    """Return the balance. APIResponseError if the body has none.

    >>> decode({"current_balance": 12.5, "currency": "USD"}, {}).amount
    Decimal('12.5')
    """
    value = body.get("current_balance") if isinstance(body, dict) else None
    try:
        amount = Decimal("nan") if isinstance(value, bool) else Decimal(str(value))
    except InvalidOperation:
        amount = Decimal("nan")
    if not amount.is_finite():
        message = f"current_balance: expected number, received {json_type(value)}"
        raise parsing.missing_list_error(message, body, headers)
    return Balance(amount, as_str(body.get("currency")) or "USD", parsing.parse_call_metadata(body, headers))
