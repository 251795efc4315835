"""Every fault at every step gets its truthful answer, and the router goes on."""

from pathlib import Path

import pytest
import yaml

from opea_pulumi.router._contracts import STEP_CONTRACTS

FAULTS = yaml.safe_load((Path(__file__).parent / "faults.yaml").read_text(encoding="utf-8"))
STEPS = ("embedding", "retrieval", "reranking", "llm")
FORMS = {"mega": "/v1/chatqna", "openai": "/v1/chat/completions"}
QUESTION = {"messages": "Where is Paris", "stream": False}


def idle_timeout(answer):
    """Short only where the test waits for it: the good steps must not be late on a busy machine."""
    return 0.5 if answer.get("fault") == "hang" else 30


@pytest.mark.parametrize("path", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("fault", FAULTS, ids=[fault["name"] for fault in FAULTS])
async def test_fault(fault, step, path, chatqna, graph, start, http):
    good = chatqna[step].script
    chatqna[step].answers(fault["answer"])
    base = await start(graph(), idle_timeout=idle_timeout(fault["answer"]))
    async with http.post(base + path, json=QUESTION) as response:
        error = (await response.json())["error"]
        assert response.status == fault["status"]
        assert response.headers.get("Retry-After") == fault.get("retry_after")
    assert error.keys() == {"code", "step", "message"}
    assert (error["code"], error["step"]) == (fault["code"], step)
    assert f"{step} {fault['message']}" in error["message"]
    assert "secret" not in error["message"]
    later = STEPS[STEPS.index(step) + 1 :]
    assert not any(chatqna[name].calls for name in later)

    chatqna[step].answers(*good)
    async with http.post(base + path, json=QUESTION) as response:
        assert response.status == 200


PASSED_ON = [fault for fault in FAULTS if "service of type" not in fault["message"]]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("fault", PASSED_ON, ids=[fault["name"] for fault in PASSED_ON])
async def test_fault_passed_through(fault, step, chatqna, graph, start, http, broken_body):
    """Hard steps of a pass-through graph; what an answer says is no concern of that mode."""
    chatqna[step].answers(fault["answer"])
    document = graph()
    for part in document["spec"]["nodes"]["root"]["steps"]:
        part.update(dependency="Hard", data="$response")
    base = await start(document, mode="pass-through", idle_timeout=idle_timeout(fault["answer"]))
    async with http.post(base + "/", json=QUESTION) as response:
        if step == STEPS[-1] and "sse" in fault["answer"]:  # the client's answer had begun
            assert b"half" in await broken_body(response)
            return
        error = (await response.json())["error"]
        assert response.status == fault["status"]
        assert response.headers.get("Retry-After") == fault.get("retry_after")
    assert (error["code"], error["step"]) == (fault["code"], step)
    assert f"{step} {fault['message']}" in error["message"]
    later = STEPS[STEPS.index(step) + 1 :]
    assert not any(chatqna[name].calls for name in later)


@pytest.mark.parametrize("step", STEPS)
async def test_refused(step, chatqna, graph, start, http):
    base = await start(graph())
    await chatqna[step].stop()
    async with http.post(base + "/", json=QUESTION) as response:
        assert response.status == 502
        error = (await response.json())["error"]
    assert error == {"code": "upstream-refused", "step": step, "message": f"{step} can't be reached"}


CONTRACTS = yaml.safe_load((Path(__file__).parent / "contracts.yaml").read_text(encoding="utf-8"))


def test_every_contract_has_a_good_answer():
    assert {row["type"] for row in CONTRACTS} == {str(kind) for kind in STEP_CONTRACTS}


@pytest.mark.parametrize("row", CONTRACTS, ids=[row["type"] + row["path"] for row in CONTRACTS])
@pytest.mark.parametrize("fault", FAULTS, ids=[fault["name"] for fault in FAULTS])
async def test_fault_of_any_contract(fault, row, services, start, http):
    """One step of the type, behind what it needs; another one behind it must not be called."""
    steps, settings = [], {"mode": "aligned", "endpoint": "/v1/app"}
    behind = {"type": "llm", "path": "/v1/chat/completions", "answer": {"json": {}}}
    for index, part in enumerate([*row.get("before", []), row, behind]):
        service = await services(f"s{index}")
        service.answers(part["answer"])
        steps.append({"name": f"step{index}-x", "serviceUrl": service.url + part["path"]})
        settings[f"type.step{index}-x"] = part["type"]
    index = len(row.get("before", []))
    tried, after = await services(f"s{index}"), await services(f"s{index + 1}")
    tried.answers(fault["answer"])
    spec = {
        "nodes": {"root": {"routerType": "Sequence", "steps": steps}},
        "routerConfig": {"config": settings},
    }
    base = await start({"spec": spec}, idle_timeout=idle_timeout(fault["answer"]))
    async with http.post(base + "/v1/app", json=row["request"]) as response:
        error = (await response.json())["error"]
        assert (response.status, error["code"]) == (fault["status"], fault["code"])
    assert f"step{index}-x {fault['message']}" in error["message"]
    assert not after.calls

    tried.answers(row["answer"])
    async with http.post(base + "/v1/app", json=row["request"]) as response:
        assert (await response.json())["error"]["step"] == f"step{index + 1}-x"  # it went on to the next
    assert after.calls


ANSWERS = (None, 5, "text", [], {}, [{}], {"text": 5}, {"data": [None]}, {"images": "x"}, {"choices": None})


@pytest.mark.parametrize("row", CONTRACTS, ids=[row["type"] + row["path"] for row in CONTRACTS])
async def test_any_json_is_an_answer_or_the_steps_fault(row, services, start, http):
    service = await services("only")
    step = {"name": "only", "serviceUrl": service.url + row["path"]}
    config = {"mode": "aligned", "endpoint": "/v1/app", "type.only": row["type"]}
    spec = {
        "nodes": {"root": {"routerType": "Sequence", "steps": [step]}},
        "routerConfig": {"config": config},
    }
    base = await start({"spec": spec})
    for answer in ANSWERS:
        service.answers({"json": answer})
        async with http.post(base + "/v1/app", json=row["request"]) as response:
            found = await response.json()
            assert response.status == 200 or (response.status, found["error"]["step"]) == (502, "only")


async def test_unknown_host(start, http):
    step = {"name": "llm", "serviceUrl": "http://no-such-host.invalid/v1/chat/completions"}
    base = await start(
        {"spec": {"nodes": {"root": {"routerType": "Sequence", "steps": [step]}}}}, mode="aligned"
    )
    async with http.post(base + "/", json=QUESTION) as response:
        assert response.status == 502
        assert (await response.json())["error"]["code"] == "upstream-refused"


@pytest.mark.parametrize("path", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ({"status": 500}, 502),
        ({"status": 404, "json": {"detail": "no model"}}, 404),
        ({"text": "<html>"}, 502),
        ({"json": {"no": "chat"}}, 502),
        ({"sse": ["not json"]}, 502),
        ({"sse": ["[1]"]}, 502),
        ({"sse": []}, 502),
        ({"sse": [], "fault": "reset"}, 502),
        ({"sse": [], "fault": "hang"}, 504),
        ({"sse": ['{"error": {"code": 400, "message": "too long"}}']}, 400),
        ({"sse": ['{"error": "out of memory"}']}, 502),
    ],
)
async def test_a_stream_that_never_begins_has_a_status(answer, status, path, chatqna, graph, start, http):
    chatqna["llm"].answers(answer)
    base = await start(graph(), idle_timeout=idle_timeout(answer))
    async with http.post(base + path, json={**QUESTION, "stream": True}) as response:
        assert response.status == status
        assert (await response.json())["error"]["step"] == "llm"


async def test_the_key_of_a_step_is_not_in_its_error(chatqna, start, http):
    chatqna["llm"].answers({"status": 401, "json": {"error": {"message": "Incorrect API key: sk-canary-1"}}})
    step = {"name": "llm", "externalService": chatqna["llm"].url + "/v1/chat/completions"}
    spec = {"nodes": {"root": {"routerType": "Sequence", "steps": [step]}}}
    spec["routerConfig"] = {"config": {"mode": "aligned", "key.llm": "LLM_KEY"}}
    base = await start({"spec": spec}, environment={"LLM_KEY": "sk-canary-1"})
    async with http.post(base + "/", json=QUESTION) as response:
        assert response.status == 401
        assert "sk-canary-1" not in await response.text()
    assert chatqna["llm"].calls[0].headers["Authorization"] == "Bearer sk-canary-1"
