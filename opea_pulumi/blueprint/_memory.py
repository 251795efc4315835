"""Whether a model fits what it runs on; the figures are reckoned from its parameters, not measured.

The rules: on CPU 1.3 x weights + the cache of keys and values that the server reserves + 4 GiB (1 GiB
where the model generates no text); on cards 1.1 x weights + the cache of one sequence as long as the
model's context, in equal parts, of which each fills at most nine tenths of a card.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import ceil

from opea_pulumi.catalog import ModelRow, hardware, models
from opea_pulumi.terms import Hardware

from ._model import Resources
from ._plan import blueprint_error
from ._quantity import GIBI, format_memory, parse_quantity

CPU_FACTOR = 1.3
"""Weights in memory and what is computed with them, on CPU."""

CARD_FACTOR = 1.1
"""The same on cards."""

CARD_SHARE = 0.9
"""How much of a card's memory a server takes (vLLM's default)."""

MAX_CARDS = 8
"""How many cards one machine has at most, so that a hint may name them."""

CACHE_FACTOR = 2.2
"""What a volume for weights holds, as a multiple of them."""

CACHE_STEP = 10 * GIBI
"""Volumes for weights are multiples of this."""

_KV_BYTES = 2
_OVERHEAD = {True: 4 * GIBI, False: GIBI}


def weight_bytes(model: ModelRow) -> int:
    """What the weights take."""
    return ceil(model.parameters * 1e9 * model.bytes_per_parameter)


def kv_cache_bytes(model: ModelRow, context: int, sequences: int = 1) -> int:
    """What the keys and values of so many sequences of so many tokens take."""
    per_token = 2 * model.layers * model.kv_heads * model.head_size * _KV_BYTES
    return per_token * context * sequences


def cpu_bytes(model: ModelRow, kv_cache: int = 0) -> int:
    """What a server needs on CPU, with what it reserves for keys and values."""
    return ceil(CPU_FACTOR * weight_bytes(model)) + kv_cache + _OVERHEAD[model.layers > 0]


def card_bytes(model: ModelRow, cards: int, context: int = 0) -> int:
    """What each of the cards has to hold; ``context`` when the server's is smaller than the model's."""
    length = min(context, model.context) if context else model.context
    whole = ceil(CARD_FACTOR * weight_bytes(model)) + kv_cache_bytes(model, length)
    return ceil(whole / cards)


def cache_size(names: Iterable[str]) -> str:
    """Room for the files of these models on the hub; empty when one of them is not known.

    Many repositories hold the weights in two forms; what is being loaded stands beside them.
    """
    rows = [models().get(name) for name in sorted(names) if name]
    known = [row for row in rows if row is not None]
    if not known or len(known) < len(rows):
        return ""
    size = sum(CACHE_FACTOR * weight_bytes(row) for row in known)
    return format_memory(ceil(max(size, GIBI) / CACHE_STEP) * CACHE_STEP)


def fit(
    known: ModelRow,
    name: str,
    resources: Resources,
    *,
    hardware: Hardware,
    kv_cache: str = "",
    memory: str | None = None,
    card_memory: str | None = None,
    context: int = 0,
    path: str = "",
) -> Resources:
    """The resources of a model's server, with the memory that the model needs on CPU.

    ``memory`` and ``card_memory`` are what the user said that there is; ``path`` is the model's key.

    Raises:
        BlueprintError: the model does not fit.
    """
    if resources.accelerators:
        _check_cards(known, name, resources.accelerators, _card_size(hardware, card_memory), context, path)
        return resources
    need = cpu_bytes(known, parse_quantity(kv_cache) if kv_cache else 0)
    if memory is None:
        least = 0 if kv_cache else parse_quantity(resources.memory)
        return resources.model_copy(update={"memory": _rounded(max(need, least))})
    if parse_quantity(memory) < need:
        kept = f" and {kv_cache} for keys and values" if kv_cache else ""
        message = (
            f"{name} needs {_gib(need)} of memory, and its server has {_gib(parse_quantity(memory))} "
            f"(weights {_gib(weight_bytes(known))}{kept})"
        )
        hint = f"give it {_rounded(need)}, or take a smaller model"
        raise blueprint_error("model-too-large", message, path, hint)
    return resources


def _check_cards(model: ModelRow, name: str, cards: int, card: int, context: int, path: str) -> None:
    need, room = card_bytes(model, cards, context), int(CARD_SHARE * card)
    if not card or need <= room:
        return
    enough = next((count for count in _counts() if card_bytes(model, count, context) <= room), None)
    where = f"each of {cards} cards" if cards > 1 else "one card"
    message = (
        f"{name} needs {_gib(need)} on {where}, which has room for {_gib(room)} of its {_gib(card)} "
        f"(weights {_gib(weight_bytes(model))} in all)"
    )
    more = f"{enough} cards would do" if enough else "no machine has cards enough"
    hint = f"{more}; or take a smaller model, or a shorter context (--max-model-len) in the server's args"
    raise blueprint_error("model-too-large", message, path, hint)


def _card_size(kind: Hardware, given: str | None) -> int:
    row = hardware().get(kind)
    text = given or (row.memory if row else "")
    return parse_quantity(text) if text else 0


def _counts() -> Iterator[int]:
    count = 1
    while count <= MAX_CARDS:
        yield count
        count *= 2


def _rounded(size: int) -> str:
    return format_memory(ceil(size / GIBI) * GIBI)


def _gib(size: int) -> str:
    return f"{size / GIBI:.1f} GiB"
