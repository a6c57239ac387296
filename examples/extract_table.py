"""Turn a folder of letters into a table: one structured answer per file, several at once.

pip install ".[langchain,emulator,cli]"
python examples/extract_table.py                # sample letters, which the script writes itself
python examples/extract_table.py my/folder      # every .txt file in your own folder
"""

import sys
from pathlib import Path

from common import console, gateway
from pydantic import BaseModel, Field
from rich.progress import track
from rich.table import Table

from aimlapi_integrations import track_costs
from aimlapi_integrations.langchain import ChatAIMLAPI

ORDERS = (
    ("Ada Lovelace", "Analytical Engine", 2, "ada@example.com"),
    ("Charles Babbage", "Difference Engine", 1, "charles@example.com"),
    ("Grace Hopper", "Compiler", 12, "grace@example.com"),
    ("Alan Turing", "Paper Tape", 300, "alan@example.com"),
)
LETTER = "Dear Sir or Madam,\n\nplease send me the product '{1}', quantity: {2}.\n\nMy name is {0}, write to {3}.\n"


class Order(BaseModel):
    """An order placed in a letter."""

    customer: str = Field(description="Full name of the sender")
    product: str = Field(description="Name of the product, as written in the letter")
    quantity: int = Field(description="Quantity ordered", ge=1)
    email: str = Field(description="Sender's email address")


def write_letters(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for number, order in enumerate(ORDERS, start=1):
        (folder / f"letter-{number}.txt").write_text(LETTER.format(*order), encoding="utf-8")
    return folder


def extract(paths: list[Path]) -> Table:
    """Create a row for each file. A failure shows in its own row and doesn't affect the others."""
    llm = ChatAIMLAPI(model="openai/gpt-5-mini-2025-08-07").with_structured_output(Order)
    texts = [path.read_text(encoding="utf-8") for path in paths]
    answers = llm.batch_as_completed(texts, {"max_concurrency": 4}, return_exceptions=True)
    results = dict(track(answers, "Reading", total=len(texts), console=console))

    table = Table("file", title=f"{len(paths)} orders")
    for name in Order.model_fields:
        table.add_column(name, overflow="fold")
    for number, path in enumerate(paths):
        order = results[number]
        cells = order.model_dump().values() if isinstance(order, Order) else [f"[red]{type(order).__name__}[/]"]
        table.add_row(path.stem, *map(str, cells))
    return table


def main(folder: Path) -> None:
    with track_costs() as costs:
        console.print(extract(sorted(folder.glob("*.txt"))))
    console.print(costs)


if __name__ == "__main__":
    with gateway():
        main(Path(sys.argv[1]) if sys.argv[1:] else write_letters(Path("example-data/letters")))
