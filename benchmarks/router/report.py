"""What is measured, and its tables."""

import asyncio
import os
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

import uvloop

from benchmarks.router.load import Sample, closed_loop, median, once, quantile
from benchmarks.router.rivals import (
    Rivals,
    Scene,
    Target,
    find_rivals,
    openai,
    prepare_this_process,
    targets,
)
from benchmarks.tools import table

GOALS = {"p50": 0.001, "p99": 0.005, "first": 0.002, "token p99": 0.005, "memory": 100, "slow": 10}
"""Seconds that are added, MB, and how many times ServiceOrchestrator's requests a second."""

SERVICE_MS = 20
"""What a step takes in the comparison of latencies; 32 clients then ask for 400 times 4 steps a second."""


@dataclass(frozen=True)
class Effort:
    """How long it is measured; the test of this benchmark measures for a moment only."""

    rounds: int = 5
    seconds: float = 2.0
    streams: int = 500
    stream_seconds: int = 10
    crowds: tuple[int, ...] = (1, 32, 256)
    long: bool = False


def run(effort: Effort | None = None) -> str:
    """Every table; OPEA_BENCH_LONG=1 adds a stream of ten minutes."""
    effort = effort or Effort(long=os.environ.get("OPEA_BENCH_LONG") == "1")
    prepare_this_process()
    rivals, missing = find_rivals()
    parts = [
        _conditions(missing),
        *(_throughput(steps, rivals, effort) for steps in (1, 4)),
        *(_added(steps, rivals, effort) for steps in (1, 4)),
        _first_byte(rivals, effort),
        _tokens(rivals, effort),
        _many_streams(effort),
        _slow_upstream(rivals, effort),
    ]
    if effort.long:
        parts.append(_long_stream())
    return "\n".join(parts)


def _conditions(missing: Sequence[str]) -> str:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0
    lines = [
        (
            "Each router is one process on the first core; this client and the services share the last"
            f" ({os.cpu_count()} cores; this client runs on {cores})."
        ),
        "'direct calls': the client calls the steps itself. Requests a second per core: by CPU time.",
        *(f"Not measured: {reason}." for reason in missing),
    ]
    return "\n## router\n" + "\n".join(lines)


# -- whole answers


def _throughput(steps: int, rivals: Rivals, effort: Effort) -> str:
    rows = []
    with targets(Scene(steps), rivals) as found:
        for crowd in effort.crowds:
            samples = _interleaved(found, _loop(crowd, effort.seconds), effort.rounds)
            base = samples[0]
            for target, sample in zip(found, samples, strict=True):
                rate = len(sample.seconds) / sample.wall
                row = [target.name, str(crowd), *_latency(sample.seconds), f"{rate:.0f}"]
                rows.append((*row, _per_core(sample), _memory(target), f"{_times(sample, base):.2f} x"))
    headings = ("what", "clients", "p50", "p99", "requests/s", "per core", "peak MB", "p50 to direct")
    return table(f"{_words(steps)}, steps that take no time ({effort.rounds} rounds)", headings, rows)


def _added(steps: int, rivals: Rivals, effort: Effort) -> str:
    rows = []
    with targets(Scene(steps, f"?ms={SERVICE_MS}"), rivals) as found:
        samples = _interleaved(found, _loop(32, effort.seconds), effort.rounds)
        base = samples[0].seconds
        for target, sample in zip(found, samples, strict=True):
            added = [quantile(sample.seconds, share) - quantile(base, share) for share in (0.5, 0.99)]
            rate = len(sample.seconds) / sample.wall
            load = f"{sample.cpu / sample.wall:.0%}"
            goals = _met(added[0], GOALS["p50"]), _met(added[1], GOALS["p99"])
            cells = [f"{value * 1000:+.2f} ms" for value in added]
            rows.append((target.name, *_latency(sample.seconds), *cells, f"{rate:.0f}", load, *goals))
    headings = ("what", "p50", "p99", "adds p50", "adds p99", "requests/s", "CPU", "<= 1 ms", "<= 5 ms")
    title = f"{_words(steps)}, each takes {SERVICE_MS} ms, 32 clients ({effort.rounds} rounds)"
    return table(title, headings, rows)


# -- streams


def _first_byte(rivals: Rivals, effort: Effort) -> str:
    rows = []
    with targets(Scene(4, f"?ms={SERVICE_MS}&tokens=5&rate=200", stream=True), rivals) as started:
        found = _with_openai(started)
        for crowd in (1, 32):
            samples = _interleaved(found, _loop(crowd, effort.seconds), effort.rounds)
            # the client's own calls begin with the first step: all of it counts
            base = next(_first_of(target, sample) for target, sample in zip(found, samples, strict=True))
            for target, sample in zip(found, samples, strict=True):
                first = _first_of(target, sample)
                added = median(first) - median(base)
                more = f"{added * 1000:+.2f} ms"
                rows.append((target.name, str(crowd), *_latency(first), more, _met(added, GOALS["first"])))
    headings = ("what", "clients", "p50", "p99", "adds p50", "<= 2 ms")
    return table(f"first byte of a stream behind 4 steps of {SERVICE_MS} ms each", headings, rows)


def _first_of(target: Target, sample: Sample) -> list[float]:
    """Time to the first token; of direct calls it is counted from the first of the calls."""
    if len(target.calls) == 1:
        return sample.first
    return [whole - rest for whole, rest in zip(sample.seconds, sample.tails, strict=True)]


def _tokens(rivals: Rivals, effort: Effort) -> str:
    """25,000 tokens a second through one process."""
    rows = []
    scene = Scene(1, f"?rate=50&tokens={50 * effort.stream_seconds}", stream=True)
    title = f"{effort.streams} streams of 50 tokens/s for {effort.stream_seconds} s, one step"
    with targets(scene, rivals) as started:
        found = _with_openai(started)
        for target in found:
            sample = _measure(
                target, lambda one: once(one.calls, effort.streams, effort.stream_seconds * 4 + 30)
            )
            rate = len(sample.transit) / sample.wall
            late, jitter = quantile(sample.transit, 0.99), quantile(sample.gaps, 0.99)
            rows.append(
                (
                    target.name,
                    *_latency(sample.transit),
                    f"{jitter * 1000:.2f} ms",
                    f"{rate:.0f}",
                    f"{sample.cpu / sample.wall:.0%}",
                    _memory(target),
                    _met(late, GOALS["token p99"]),
                    _met(target.memory(), GOALS["memory"]),
                )
            )
    headings = (
        "what",
        "token's way p50",
        "p99",
        "gap p99",
        "tokens/s",
        "CPU",
        "peak MB",
        "< 5 ms",
        "< 100 MB",
    )
    return table(title, headings, rows)


def _many_streams(effort: Effort) -> str:
    """Twice as many streams at a low rate; memory at the start and at the end."""
    number = 2 * effort.streams
    scene = Scene(1, f"?rate=5&tokens={5 * effort.stream_seconds}", stream=True)
    with targets(scene, Rivals(None, None), only="aligned") as found:
        target = openai(found[1])

        async def sampled() -> list[float]:
            running = asyncio.ensure_future(once(target.calls, number, effort.stream_seconds * 4 + 30))
            seen = [target.memory(peak=False)]
            while not running.done():
                await asyncio.sleep(effort.stream_seconds / 20)
                seen.append(target.memory(peak=False))
            await running
            return seen

        seen = _in_loop(sampled())
    early, late = seen[len(seen) // 4], max(seen[len(seen) * 3 // 4 :])
    row = (
        f"{seen[0]:.0f}",
        f"{early:.0f}",
        f"{late:.0f}",
        f"{max(seen):.0f}",
        _met(max(seen), GOALS["memory"]),
    )
    headings = ("MB before", "after a quarter", "in the last quarter", "most", "< 100 MB")
    return table(f"{number} streams of 5 tokens/s for {effort.stream_seconds} s, aligned", headings, [row])


def _slow_upstream(rivals: Rivals, effort: Effort) -> str:
    """An llm that thinks for half a second before its first token."""
    rows, rates = [], {}
    with targets(Scene(1, "?ms=500&tokens=5&rate=200", stream=True), rivals) as found:
        # as long as the slowest needs to answer everyone once
        samples = _interleaved(found, _loop(32, effort.seconds), 1)
        for target, sample in zip(found, samples, strict=True):
            rates[target.name] = len(sample.seconds) / sample.wall
            rows.append((target.name, *_latency(sample.seconds), f"{rates[target.name]:.1f}"))
    theirs = rates.get("ServiceOrchestrator")
    verdict = ""
    if theirs:
        ratio = rates["ours, aligned"] / theirs
        verdict = f": ours {ratio:.0f} x ServiceOrchestrator, {_met(-ratio, -GOALS['slow'])} (goal 10 x)"
    headings = ("what", "p50", "p99", "requests/s")
    return table(f"32 clients, an llm with 500 ms to its first token{verdict}", headings, rows)


def _long_stream() -> str:
    tokens = 1200
    with targets(
        Scene(1, f"?rate=2&tokens={tokens}", stream=True), Rivals(None, None), only="aligned"
    ) as found:
        sample = _measure(openai(found[1]), lambda one: once(one.calls, 1, 900))
    row = (f"{sample.wall:.0f} s", f"{len(sample.transit)} of {tokens}", *_latency(sample.transit))
    return table("one stream of 2 tokens/s", ("lasted", "tokens", "token's way p50", "p99"), [row])


# -- how


def _interleaved(found: Sequence[Target], load: Callable[[Target], Any], rounds: int) -> list[Sample]:
    """Round after round, every target in turn: a busy moment of the machine meets all of them."""
    samples = [Sample() for _ in found]
    for target in found:
        _measure(target, load)  # connections, caches
    for _ in range(rounds):
        for target, sample in zip(found, samples, strict=True):
            sample.add(_measure(target, load))
    return samples


def _loop(crowd: int, seconds: float) -> Callable[[Target], Coroutine[Any, Any, Sample]]:
    return lambda target: closed_loop(target.calls, crowd, seconds)


def _measure(target: Target, load: Callable[[Target], Coroutine[Any, Any, Sample]]) -> Sample:
    before = target.cpu()
    sample = _in_loop(load(target))
    sample.cpu = target.cpu() - before
    return sample


def _in_loop(work: Coroutine[Any, Any, Any]) -> Any:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)


def _with_openai(found: Sequence[Target]) -> list[Target]:
    more = [openai(target) for target in found if target.name == "ours, aligned"]
    return [*found[:2], *more, *found[2:]]


# -- words


def _words(steps: int) -> str:
    return "1 step" if steps == 1 else f"{steps} steps"


def _latency(values: Sequence[float]) -> tuple[str, str]:
    return f"{quantile(values, 0.5) * 1000:.2f} ms", f"{quantile(values, 0.99) * 1000:.2f} ms"


def _per_core(sample: Sample) -> str:
    return f"{len(sample.seconds) / sample.cpu:.0f}" if sample.cpu else "-"


def _memory(target: Target) -> str:
    return f"{target.memory():.0f}" if target.process else "-"


def _times(sample: Sample, base: Sample) -> float:
    return median(sample.seconds) / median(base.seconds)


def _met(value: float, goal: float) -> str:
    return "yes" if value <= goal else "no"
