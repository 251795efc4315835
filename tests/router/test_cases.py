"""Whole exchanges as data: graph, client request, scripted services, expected answer and calls.

With ``--router-command`` they run against another router, where just the cases marked ``differs`` must fail.
"""

import base64
import email
from pathlib import Path

import aiohttp
import pytest
import yaml

CASES = sorted((Path(__file__).parent / "cases").glob("*.yaml"))


def load():
    for path in CASES:
        for case in yaml.safe_load(path.read_text(encoding="utf-8")):
            yield pytest.param(case, id=f"{path.stem}-{case['name'].replace(' ', '-')}")


@pytest.mark.parametrize("case", list(load()))
async def test_case(case, services, start, start_other, http, fill, request):
    if start_other is not None:
        compare(case, request)
    urls = {}
    for name, answer in case["services"].items():
        service = await services(name)
        service.answers(*(answer if isinstance(answer, list) else [answer]))
        urls[name] = service.url
    base = await (start_other or start)(fill({"spec": case["graph"]}, urls))

    asked = case["request"]
    path = base + asked.get("path", "/")
    async with http.post(path, headers=asked.get("headers"), **body_of(asked)) as response:
        text = (await response.read()).decode(errors="replace")
        expected = case["expect"]
        assert response.status == expected.get("status", 200), text
        kind = response.headers["Content-Type"]
        assert kind.startswith(expected.get("type", "application/json"))
        if "json" in expected:
            assert_like(await response.json(), expected["json"])
        if "text" in expected:
            assert_like(text, expected["text"])
        if "base64" in expected:
            assert await response.read() == base64.b64decode(expected["base64"])
    for name in case["services"]:
        calls = (await services(name)).calls
        wanted = expected.get("calls", {}).get(name, [])
        if wanted == "<any>":  # given up by the router, perhaps before it was called
            continue
        assert len(calls) == len(wanted), f"{name} was called {len(calls)} times"
        for call, want in zip(calls, wanted, strict=True):
            check_call(call, want)


def body_of(asked):
    """What a client sends: ``json``, ``raw``, or a ``form`` of texts and files (text or base64)."""
    if "raw" in asked:
        return {"data": asked["raw"].encode()}
    if "form" not in asked:
        return {"json": asked["json"]}
    form = aiohttp.FormData(default_to_multipart=True)
    for name, value in asked["form"].items():
        for part in value if isinstance(value, list) else [value]:
            if isinstance(part, str):
                form.add_field(name, part)
                continue
            data = base64.b64decode(part["base64"]) if "base64" in part else part["text"].encode()
            form.add_field(name, data, filename=part["name"], content_type=part.get("type"))
    return {"data": form}


def compare(case, request):
    """Another router has pass-through mode only, and differs where the case says so."""
    if "routerConfig" in case["graph"]:
        pytest.skip("aligned mode is ours alone")
    if "differs" in case:
        request.applymarker(pytest.mark.xfail(reason=case["differs"], strict=True))


def check_call(call, want):
    assert call.method == "POST"
    if "form" in want:
        check_form(call, want["form"])
    else:
        assert call.headers["Content-Type"] == "application/json"
    if "path" in want:
        assert call.path == want["path"]
    if "json" in want:
        assert_like(call.json, want["json"])
    if "raw" in want:
        assert call.body.decode() == want["raw"]


def check_form(call, want):
    """Files only: name, type, base64. Read by the standard library, not by what the router uses."""
    head = f"Content-Type: {call.headers['Content-Type']}\r\n\r\n".encode()
    message = email.message_from_bytes(head + call.body)
    assert message.get_content_type() == "multipart/form-data"
    found = {
        part.get_param("name", header="content-disposition"): {
            "name": part.get_filename(),
            "type": part.get_content_type(),
            "base64": base64.b64encode(part.get_payload(decode=True)).decode(),
        }
        for part in message.get_payload()
    }
    assert_like(found, want)


def assert_like(found, wanted):
    """Equal, where ``<any>`` stands for anything and ``<has: TEXT>`` for a text with TEXT in it."""
    if wanted == "<any>":
        return
    if isinstance(wanted, str) and wanted.startswith("<has: "):
        assert wanted[6:-1] in found
    elif isinstance(wanted, dict) and isinstance(found, dict):
        assert found.keys() == wanted.keys()
        for key, value in wanted.items():
            assert_like(found[key], value)
    elif isinstance(wanted, list) and isinstance(found, list):
        assert len(found) == len(wanted)
        for one, other in zip(found, wanted, strict=True):
            assert_like(one, other)
    else:
        assert found == wanted
