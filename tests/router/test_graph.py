"""What an Ensemble does with time: branches side by side, and nothing left running when it ends early."""

import asyncio

import pytest


def ensemble(*steps, **settings):
    nodes = {"root": {"routerType": "Ensemble", "steps": list(steps)}}
    return {"spec": {"nodes": nodes, "routerConfig": {"config": settings}}}


@pytest.fixture
async def pair(services):
    """Two services, the second waiting for its ``go``."""
    slow, other = await services("slow"), await services("other")
    other.go.clear()
    return slow, other


async def post(http, url):
    async with http.post(url, json={"text": "hi"}) as response:
        return response.status, await response.json()


async def test_branches_run_side_by_side(pair, start, http):
    first, second = pair
    first.go.clear()
    base = await start(
        ensemble({"name": "A", "serviceUrl": first.url}, {"name": "B", "serviceUrl": second.url})
    )
    asking = asyncio.create_task(post(http, base))
    await first.started.wait()
    await second.started.wait()
    second.go.set()
    first.go.set()
    assert await asking == (200, {"A": {}, "B": {}})


@pytest.mark.parametrize(
    ("answer", "status"), [({"status": 500}, 502), ({"status": 404}, 404), ({"fault": "reset"}, 502)]
)
async def test_a_failure_cancels_the_others(answer, status, pair, start, http):
    slow, failing = pair
    slow.answers({"fault": "hang"})
    failing.answers(answer)
    steps = (
        {"name": "A", "serviceUrl": slow.url},
        {"name": "B", "serviceUrl": failing.url, "dependency": "Hard"},
    )
    base = await start(ensemble(*steps))
    asking = asyncio.create_task(post(http, base))
    await slow.started.wait()
    failing.go.set()
    found, body = await asking
    assert (found, body["error"]["step"]) == (status, "B")
    await asyncio.wait_for(slow.cancelled.wait(), 5)


async def test_a_client_that_leaves_cancels_every_branch(pair, start, http):
    slow, other = pair
    slow.answers({"sse": ["one"], "fault": "hang"})
    base = await start(
        ensemble({"name": "A", "serviceUrl": slow.url}, {"name": "B", "serviceUrl": other.url})
    )
    asking = asyncio.create_task(post(http, base))
    await slow.started.wait()
    await other.started.wait()
    asking.cancel()
    await asyncio.wait_for(asyncio.gather(slow.cancelled.wait(), other.cancelled.wait()), 5)
