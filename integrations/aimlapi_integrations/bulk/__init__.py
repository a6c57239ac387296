"""Very many prompts: from one process with asyncio, or from many with Ray Data, by the same two classes.

    process(rows, Answers(create_chat), "answers.jsonl")                 # this process, resumable
    table.map_batches(Answers, fn_constructor_args=[create_chat], …)     # Ray Data, see `Answers`

`Answers` prompts a model with each row, `Vectors` embeds a column. Both add the same columns in both places. A row that
fails has the error in its column `error` and affects no other row. An error that every row would have, such as a wrong
key, stops the job.
"""

from .files import read_results
from .local import RateLimiter, Report, aprocess, process
from .rows import Answers, Vectors

__all__ = ["Answers", "RateLimiter", "Report", "Vectors", "aprocess", "process", "read_results"]
