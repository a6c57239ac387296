"""What is remembered: documents that trustcall mends and patches, and langmem. `make programs` runs this."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("trustcall", reason="the extra `programs-test` is not installed")
pytest.importorskip("langmem", reason="the extra `programs-test` is not installed")

from langchain.agents import create_agent
from langchain_core.messages import AIMessage, HumanMessage, convert_to_messages
from langgraph.store.memory import InMemoryStore
from langmem import (
    create_manage_memory_tool,
    create_memory_manager,
    create_memory_store_manager,
    create_prompt_optimizer,
    create_search_memory_tool,
    create_thread_extractor,
)
from langmem.short_term import summarize_messages
from pydantic import BaseModel, Field
from trustcall import create_extractor

from aimlapi_integrations.emulator import Emulator
from aimlapi_integrations.langchain import AIMLAPIEmbeddings, ChatAIMLAPI
from tests.programs.conftest import ENDPOINTS
from tests.programs.scripted import Call, ScriptedGateway, Structured, tool_names, tool_results

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning",
    "ignore::langchain_core._api.deprecation.LangChainPendingDeprecationWarning",
)


class Address(BaseModel):
    street: str
    city: str


class User(BaseModel):
    """What is known of a user."""

    name: str
    age: int
    address: Address | None = None
    tags: list[str] = Field(default_factory=list)


def at(gateway: ScriptedGateway, endpoint: dict[str, Any]) -> ChatAIMLAPI:
    return ChatAIMLAPI(base_url=gateway.base_url, **endpoint)


# --- trustcall --------------------------------------------------------------------------------------------------------


async def test_extractor_reads_a_document_out_of_a_text(run: Any, model: ChatAIMLAPI) -> None:
    extractor = create_extractor(model, tools=[User], tool_choice="User")
    result = await run(extractor, "invoke", "My name is Alice and my age is 30.")
    assert result["responses"] == [User(name="Alice", age=30)]


BROKEN = {"name": "Alice", "age": "thirty", "tags": ["a"]}


def patches(document: str, *patches: dict[str, Any]) -> dict[str, Any]:
    return {"json_doc_id": document, "planned_edits": "- as asked", "patches": list(patches)}


async def test_extractor_mends_an_invalid_document_by_a_patch(run: Any, endpoint: Any, scripted: Any) -> None:
    patch = patches("call_broken", {"op": "replace", "path": "/age", "value": 30})
    gateway = scripted([Call("User", BROKEN, "call_broken"), Call("PatchFunctionErrors", patch)])
    extractor = create_extractor(at(gateway, endpoint), tools=[User], tool_choice="User")
    result = await run(extractor, "invoke", "I am Alice, thirty years old.")
    assert result["responses"] == [User(name="Alice", age=30, tags=["a"])]
    [error] = tool_results(gateway.bodies[1])
    assert "valid integer" in error
    assert '"thirty"' in gateway.texts[1].replace("\\", "")
    assert "PatchFunctionErrors" in tool_names(gateway.bodies[1])


async def test_extractor_mends_each_of_two_invalid_documents(run: Any, endpoint: Any, scripted: Any) -> None:
    def script(body: Any) -> Any:
        if not tool_results(body):
            return [Call("User", BROKEN, "call_one"), Call("User", {**BROKEN, "name": "Bob"}, "call_two")]
        document, age = ("call_one", 30) if "call_one" in str(body) else ("call_two", 40)
        return Call("PatchFunctionErrors", patches(document, {"op": "replace", "path": "/age", "value": age}))

    gateway = scripted(script)
    extractor = create_extractor(at(gateway, endpoint), tools=[User], tool_choice="User")
    result = await run(extractor, "invoke", "Alice is thirty, Bob forty.")
    assert {(user.name, user.age) for user in result["responses"]} == {("Alice", 30), ("Bob", 40)}
    assert not [text for text in gateway.texts[1:] if "call_one" in text and "call_two" in text]


async def test_extractor_mends_the_name_of_a_tool(run: Any, endpoint: Any, scripted: Any) -> None:
    fix = {"json_doc_id": "call_wrong", "reasoning": ["There is none.", "It is called User."], "fixed_name": "User"}
    gateway = scripted(
        [Call("Usr", {"name": "Alice", "age": 30}, "call_wrong"), Call("PatchFunctionName", fix, "call_fix")]
    )
    extractor = create_extractor(at(gateway, endpoint), tools=[User], tool_choice="any")
    result = await run(extractor, "invoke", "I am Alice, 30.")
    assert result["responses"] == [User(name="Alice", age=30)]
    assert "Unrecognized tool name" in tool_results(gateway.bodies[1])[0]


OLD = {"name": "Alice", "age": 30, "address": {"street": "High Street 1", "city": "Oslo"}, "tags": ["a", "b"]}


async def test_extractor_patches_what_is_known_already(run: Any, endpoint: Any, scripted: Any) -> None:
    move = patches(
        "User",
        {"op": "replace", "path": "/address", "value": {"street": "Kärntner Straße 2", "city": "Wien"}},
        {"op": "remove", "path": "/tags/0"},
        {"op": "add", "path": "/tags/-", "value": "c"},
    )
    gateway = scripted([Call("PatchDoc", move)])
    extractor = create_extractor(at(gateway, endpoint), tools=[User], tool_choice="User")
    result = await run(extractor, "invoke", {"messages": "I moved to Vienna.", "existing": {"User": OLD}})
    address = Address(street="Kärntner Straße 2", city="Wien")
    assert result["responses"] == [User(name="Alice", age=30, address=address, tags=["b", "c"])]
    assert "High Street 1" in gateway.texts[0]


async def test_extractor_adds_changes_and_removes_documents_in_one_turn(run: Any, endpoint: Any, scripted: Any) -> None:
    turn: list[Any] = [
        Call("PatchDoc", patches("first", {"op": "replace", "path": "/age", "value": 31})),
        Call("RemoveDoc", {"json_doc_id": "second"}),
        Call("User", {"name": "Carol", "age": 50}),
    ]
    gateway = scripted([turn])
    extractor = create_extractor(at(gateway, endpoint), tools=[User], enable_inserts=True, enable_deletes=True)
    known = [("first", "User", OLD), ("second", "User", {"name": "Bob", "age": 40})]
    result = await run(extractor, "invoke", {"messages": "Alice is 31, Bob is gone, Carol is 50.", "existing": known})
    responses = {type(response).__name__: response for response in result["responses"] if response.__class__ != User}
    assert responses["RemoveDoc"].json_doc_id == "second"
    users = [response for response in result["responses"] if isinstance(response, User)]
    assert [(user.name, user.age) for user in users] == [("Alice", 31), ("Carol", 50)]
    assert tool_names(gateway.bodies[0]) == ["PatchDoc", "User", "RemoveDoc"]


# --- langmem ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def store(gateway: Emulator) -> InMemoryStore:
    embeddings = AIMLAPIEmbeddings(api_key="k", base_url=gateway.base_url)
    return InMemoryStore(index={"dims": 1536, "embed": embeddings})


async def test_agent_keeps_a_memory_and_finds_it_again(run: Any, model: ChatAIMLAPI, store: InMemoryStore) -> None:
    tools = [create_manage_memory_tool(("memories",)), create_search_memory_tool(("memories",))]
    agent = create_agent(model, tools, store=store)
    first = "manage_memory: action is 'create', content is 'Alice likes tea'"
    await run(agent, "invoke", {"messages": [HumanMessage(first)]})
    [item] = store.search(("memories",))
    assert item.value == {"content": "Alice likes tea"}
    state = await run(agent, "invoke", {"messages": [HumanMessage("search_memory: query is 'What does Alice like?'")]})
    assert "Alice likes tea" in state["messages"][-1].text


class Triple(BaseModel):
    """A fact."""

    subject: str
    predicate: str
    object: str


async def test_memory_manager_adds_changes_and_removes_memories(run: Any, endpoint: Any, scripted: Any) -> None:
    turn: list[Any] = [
        Call("Triple", {"subject": "Alice", "predicate": "lives in", "object": "Wien"}),
        Call("PatchDoc", patches("1", {"op": "replace", "path": "/object", "value": "coffee"})),
        Call("RemoveDoc", {"json_doc_id": "2"}),
    ]
    gateway = scripted([turn])
    manager = create_memory_manager(at(gateway, endpoint), schemas=[Triple], enable_deletes=True)
    known = [
        ("1", Triple(subject="Alice", predicate="likes", object="tea")),
        ("2", Triple(subject="Alice", predicate="lives in", object="Oslo")),
    ]
    question = {"messages": [HumanMessage("I moved to Vienna, and like coffee now.")], "existing": known}
    memories = {memory.id: memory.content for memory in await run(manager, "invoke", question)}
    assert memories.pop("1") == Triple(subject="Alice", predicate="likes", object="coffee")
    assert type(memories.pop("2")).__name__ == "RemoveDoc"
    assert list(memories.values()) == [Triple(subject="Alice", predicate="lives in", object="Wien")]


async def test_memory_store_manager_searches_the_store_and_writes_to_it(
    run: Any, endpoint: Any, scripted: Any, store: InMemoryStore
) -> None:
    def script(body: Any) -> Any:
        if "search_memory" in tool_names(body):
            return [Call("search_memory", {"query": "tea"}), Call("search_memory", {"query": "drinks"})]
        return Call("Memory", {"content": "Alice likes coffee"})

    gateway = scripted(script)
    await store.aput(("memories", "alice"), "old", {"kind": "Memory", "content": {"content": "Alice likes tea"}})
    manager = create_memory_store_manager(
        at(gateway, endpoint), namespace=("memories", "{user}"), query_model=at(gateway, endpoint), store=store
    )
    question = {"messages": [{"role": "user", "content": "I like coffee now."}]}
    await run(manager, "invoke", question, config={"configurable": {"user": "alice"}})
    kept = {item.value["content"]["content"] for item in store.search(("memories", "alice"))}
    assert kept == {"Alice likes tea", "Alice likes coffee"}
    assert "Alice likes tea" in gateway.texts[1]


async def test_thread_extractor_sums_a_conversation_up(run: Any, endpoint: Any, scripted: Any) -> None:
    gateway = scripted([Structured({"title": "Password", "summary": "It was reset."})])
    summary = await run(
        create_thread_extractor(at(gateway, endpoint)),
        "invoke",
        {"messages": [HumanMessage("I cannot log in."), AIMessage("I have reset your password.")]},
    )
    assert (summary.title, summary.summary) == ("Password", "It was reset.")
    assert "I have reset your password." in gateway.texts[0]


def test_summary_replaces_old_messages_and_leaves_calls_with_their_results(endpoint: Any, scripted: Any) -> None:
    gateway = scripted(["Alice asked for the weather.", "Go on."])
    model = at(gateway, endpoint)
    call = {"name": "get_weather", "args": {"city": "Oslo"}, "id": "call_1", "type": "tool_call"}
    history = [
        HumanMessage("The weather? " + "Please. " * 100, id="1"),
        AIMessage("", tool_calls=[call], id="2"),
        {"role": "tool", "content": "Sunny", "tool_call_id": "call_1", "id": "3"},
        AIMessage("It is sunny.", id="4"),
        HumanMessage("And now?", id="5"),
    ]
    result = summarize_messages(
        convert_to_messages(history),
        running_summary=None,
        model=model.bind(max_tokens=128),
        max_tokens=256,
        max_tokens_before_summary=128,
        max_summary_tokens=128,
    )
    assert result.running_summary.summary == "Alice asked for the weather."
    assert model.invoke(result.messages).text == "Go on."
    assert "Alice asked for the weather." in gateway.texts[-1]
    assert "Please. Please." not in gateway.texts[-1]


LONG_WINDED = {
    "trajectories": [
        (
            [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hello, hello, hello."}],
            {"user_score": 0},
        )
    ],
    "prompt": "Answer at length.",
}
IMPROVED = {"analysis": "It is long.", "improved_prompt": "Answer briefly."}


@pytest.mark.parametrize(
    ("kind", "turns"),
    [
        (
            "metaprompt",
            [
                Call("think", {"thought": "Hm."}),
                Call("critique", {"criticism": "Too long."}),
                Call("OptimizedPromptOutput", IMPROVED),
            ],
        ),
        (
            "gradient",
            [
                Call("think", {"thought": "Hm."}),
                Call("critique", {"criticism": "Too long."}),
                Call("recommend", {"warrants_adjustment": True, "hypotheses": "Long.", "full_recommendations": "Cut."}),
                Call("OptimizedPromptOutput", IMPROVED),
            ],
        ),
    ],
)
async def test_prompt_optimizer_gives_the_better_prompt(
    run: Any, endpoint: Any, scripted: Any, kind: Any, turns: Any
) -> None:
    gateway = scripted(turns)
    config = {"max_reflection_steps": 3, "min_reflection_steps": 1}
    optimizer = create_prompt_optimizer(at(gateway, endpoint), kind=kind, config=config)
    assert await run(optimizer, "invoke", LONG_WINDED) == "Answer briefly."
    assert len(gateway.bodies) == len(turns)


@pytest.mark.parametrize("kind", ["chat", "responses"])  # it asks for a JSON schema, which the messages endpoint lacks
async def test_prompt_memory_gives_the_better_prompt(run: Any, scripted: Any, kind: str) -> None:
    answer = {"logic": "It is long.", "update_prompt": True, "new_prompt": "Answer briefly."}
    gateway = scripted([Structured(answer)])
    model = ChatAIMLAPI(base_url=gateway.base_url, api_key="k", **ENDPOINTS[kind])
    optimizer = create_prompt_optimizer(model, kind="prompt_memory")
    assert await run(optimizer, "invoke", LONG_WINDED) == "Answer briefly."
