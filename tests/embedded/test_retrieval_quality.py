"""200 documents with near-duplicates, asked through the five real services."""

from pathlib import Path

import pytest
import yaml

DATA = Path(__file__).parent / "retrieval"
QUESTIONS = yaml.safe_load((DATA / "questions.yaml").read_text())


def corpus():
    for family in yaml.safe_load((DATA / "corpus.yaml").read_text()):
        for row in family["rows"]:
            values = dict(zip(family["columns"], row, strict=True))
            yield family["file"].format(**values), family["text"].format(**values).encode()


@pytest.fixture(scope="module")
def corpus_pipeline(pipeline):
    documents = list(corpus())
    assert len(documents) == 200
    answer = pipeline.ingest(*documents)
    assert answer.status_code == 200, answer.text
    assert pipeline.names() == sorted(name for name, _ in documents)
    return pipeline


def ranks(pipeline, questions):
    """For each question the place of its source among four, from 1; 0 if it is not there."""
    for question in questions:
        sources = pipeline.sources(question["ask"])
        yield sources.index(question["source"]) + 1 if question["source"] in sources else 0


@pytest.mark.parametrize(("half", "first"), [("tuning", 0), ("check", 1)])
def test_the_right_document_is_among_four(corpus_pipeline, half, first, record_property):
    found = list(ranks(corpus_pipeline, QUESTIONS["answerable"][first::2]))
    hits = sum(rank > 0 for rank in found) / len(found)
    mrr = sum(1 / rank for rank in found if rank) / len(found)
    record_property("figure", f"{len(found)} questions ({half}): hit@4 {hits:.2f}, MRR {mrr:.3f}")
    assert hits >= 0.95
    assert mrr >= 0.9


@pytest.mark.parametrize(("half", "first"), [("tuning", 0), ("check", 1)])
@pytest.mark.parametrize("top_n", [1, 4])
def test_the_answer_quotes_the_right_document(corpus_pipeline, half, first, top_n, record_property):
    questions = QUESTIONS["answerable"][first::2]
    right = 0
    for question in questions:
        answer = corpus_pipeline.ask(question["ask"], top_n)
        right += answer.startswith(f"From {question['source']}: ") and question["says"] in answer
    share = right / len(questions)
    figure = f"{len(questions)} questions ({half}), top_n {top_n}: {share:.2f} answered rightly"
    record_property("figure", figure)
    assert share >= 0.8


@pytest.mark.parametrize("top_n", [1, 4])
@pytest.mark.parametrize("which", ["unanswerable", "unanswerable_unseen"])
def test_what_no_document_says_is_not_known(corpus_pipeline, which, top_n):
    assert len(QUESTIONS[which]) >= 15
    answers = {item["ask"]: corpus_pipeline.ask(item["ask"], top_n) for item in QUESTIONS[which]}
    assert [item for item in answers.items() if not item[1].startswith("I don't know")] == []
