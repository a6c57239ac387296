"""What `/v1/decisions` accepts: a state and typed questions about it."""

from typing import Annotated, Any, Literal

from pydantic import Field

from . import JSON, Closed, Open

Content = Annotated[str, Field(min_length=1)] | JSON | list[Any]


class YesNoCriteria(Closed):
    true: Content | None = None
    false: Content | None = None


class YesNoQuestion(Closed):
    type: Literal["noul"]
    instructions: Content
    criteria: YesNoCriteria = YesNoCriteria()


class ChoiceQuestion(Closed):
    type: Literal["choice"]
    instructions: Content
    criteria: Annotated[dict[str, Content | None], Field(min_length=1, max_length=255)]


class ScoreQuestion(Closed):
    type: Literal["score"]
    instructions: Content
    criteria: Annotated[list[Content], Field(min_length=2, max_length=10)]


Question = Annotated[YesNoQuestion | ChoiceQuestion | ScoreQuestion, Field(discriminator="type")]


class DecisionsRequest(Open):
    model: Annotated[str, Field(min_length=1)]
    state: Content
    questions: Annotated[dict[str, Question], Field(min_length=1)]
