"""What branches make of one conversation."""

from dataclasses import replace

from opea_pulumi.router._conversation import Answer, Conversation, Document, merge
from opea_pulumi.router._media import Media

BEFORE = Conversation("q", [{"role": "user", "content": "q"}], {}, documents=(Document("old"),))


def test_nothing_new():
    assert merge(BEFORE, [BEFORE, BEFORE]) is BEFORE


def test_documents_are_joined_and_each_text_is_there_once():
    one = replace(BEFORE, documents=(Document("a", "1"), Document("b")))
    two = replace(BEFORE, documents=(Document("a", "2"), Document("c")))
    assert merge(BEFORE, [one, BEFORE, two]).documents == (Document("a", "1"), Document("b"), Document("c"))


def test_the_last_branch_that_made_something_has_its_way():
    sound, picture = Media(b"x", "audio/wav"), ("iVBORw==",)
    words = replace(BEFORE, query="a", messages=[], asked="q", answer=Answer({"n": 1}, completion={}))
    heard = replace(BEFORE, audio=sound, images=picture, answer=Answer({"n": 2}))
    merged = merge(BEFORE, [words, heard, BEFORE])
    assert (merged.query, merged.messages, merged.asked) == ("a", [], "q")
    assert (merged.audio, merged.images) == (sound, picture)
    assert merged.answer == Answer({"n": 2})  # the form of the answer goes with it
    assert merge(BEFORE, [heard, words]).answer == words.answer


def test_prompt_and_piece_of_a_video():
    merged = merge(
        BEFORE,
        [replace(BEFORE, prompt="p", template={"data": {}}), replace(BEFORE, video={"video_url": "u"})],
    )
    assert (merged.prompt, merged.template, merged.video) == ("p", {"data": {}}, {"video_url": "u"})
