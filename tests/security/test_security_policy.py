"""Each sentence of SECURITY.md has a test, in one of the modules imported here.

`tests/cassettes` holds that no cassette has a secret, and `tests/faults` repeats most of this for servers that fail.
"""

from __future__ import annotations

from . import test_key_and_headers, test_redaction, test_untrusted_responses
from .promises import HELD, promised_sentences

MODULES = (test_key_and_headers, test_redaction, test_untrusted_responses)


def test_each_sentence_of_the_policy_is_held_by_a_test() -> None:
    sentences = promised_sentences()
    assert len(sentences) > 20
    assert [sentence for sentence in sentences if not any(map(sentence.startswith, HELD))] == []
    assert [start for start in HELD if not any(sentence.startswith(start) for sentence in sentences)] == []
