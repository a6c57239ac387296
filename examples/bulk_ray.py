"""Answer and embed a table of questions with two workers, block by block. A second run calls nothing.

pip install ".[langchain,emulator,cli,ray]"
python examples/bulk_ray.py                 # stop it at any time, and run it again
"""

import os
from pathlib import Path

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # no usage reports
os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")  # listen on this machine only; 1 for a cluster

import pyarrow as pa
import pyarrow.parquet as pq
import ray
from common import console, gateway
from langchain_core.rate_limiters import InMemoryRateLimiter
from ray.data import ActorPoolStrategy
from ray.data.checkpoint import CheckpointConfig
from rich.markup import escape
from rich.table import Table

from aimlapi_integrations.bulk import Answers, Vectors
from aimlapi_integrations.langchain import AIMLAPIEmbeddings, ChatAIMLAPI

FOLDER = Path("example-data/bulk").absolute()
TOPICS = ("tides", "rainbows", "glaciers", "volcanoes", "auroras", "deserts", "geysers", "monsoons")
BLOCK = 4  # rows that are sent and written together: the most that a killed worker repeats


def create_chat():
    """Return the function that answers a row. Runs in each worker, which reads the key from its own environment."""
    return ChatAIMLAPI(model="deepseek/deepseek-reasoner", max_tokens=2000).ainvoke


def create_embedder():
    return AIMLAPIEmbeddings(model="text-embedding-3-small", dimensions=64).aembed_documents


def write_questions(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    questions = [f"Why are there {topic}? Answer {how}." for topic in TOPICS for how in ("in a sentence", "a child")]
    pq.write_table(pa.table({"id": range(len(questions)), "question": questions}), path)


def run(worker, create, limiter, name: str) -> Path:
    """Process every row that the checkpoint doesn't list yet. Each finished block is written and checkpointed."""
    checkpoint, output = FOLDER / f"{name}-done", FOLDER / name
    rows = ray.data.read_parquet(str(FOLDER / "questions.parquet"))
    rows.context.checkpoint_config = CheckpointConfig("id", str(checkpoint), delete_checkpoint_on_success=False)
    rows.repartition(target_num_rows_per_block=BLOCK).map_batches(
        worker,
        fn_constructor_args=[create],
        fn_constructor_kwargs={"column": "question", "limiter": limiter},
        batch_format="pyarrow",
        compute=ActorPoolStrategy(size=2),  # two workers,
        num_cpus=0,  # which only wait for responses
    ).write_parquet(str(output))
    return output


def report(output: Path, title: str) -> None:
    rows = sorted(pq.read_table(output).to_pylist(), key=lambda row: row["id"])
    table = Table("id", "question", "answer" if "answer" in rows[0] else "vector", "USD", title=title)
    for row in rows[:4]:
        result = row["error"] or row.get("answer") or f"{len(row['vector'])} numbers"
        table.add_row(str(row["id"]), row["question"], escape(result), f"{row['cost_usd']:.9f}")
    console.print(table)
    cost = sum(row["cost_usd"] or 0 for row in rows)
    console.print(f"{len(rows)} rows, {sum(bool(row['error']) for row in rows)} failed, ${cost:.9f}")


def main() -> None:
    if not (FOLDER / "questions.parquet").exists():
        write_questions(FOLDER / "questions.parquet")
    ray.init(num_cpus=4, include_dashboard=False)  # on this machine; `ray.init()` alone joins a running cluster
    progress = ray.data.DataContext.get_current()
    progress.enable_rich_progress_bars, progress.use_ray_tqdm = True, False
    rate_limiter = ray.remote(InMemoryRateLimiter).options(max_restarts=-1, max_task_retries=-1)
    limiter = rate_limiter.remote(requests_per_second=50, max_bucket_size=10)
    report(run(Answers, create_chat, limiter, "answers"), "Answers")
    report(run(Vectors, create_embedder, limiter, "vectors"), "Vectors")
    ray.shutdown()


if __name__ == "__main__":
    with gateway():
        main()
