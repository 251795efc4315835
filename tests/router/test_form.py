"""Forms with files, and sound."""

import base64

import pytest
from aiohttp import FormData
from hypothesis import given
from hypothesis import strategies as st

from opea_pulumi.router import RouterError
from opea_pulumi.router._form import File, parse_form
from opea_pulumi.router._media import Media
from opea_pulumi.router._request import read_request
from opea_pulumi.router._sent import Sent

KIND = "multipart/form-data; boundary=b"


def form(*parts, end="--b--\r\n"):
    return ("".join(f"--b\r\n{part}\r\n" for part in parts) + end).encode()


def field(name, value):
    return f'Content-Disposition: form-data; name="{name}"\r\n\r\n{value}'


def test_fields_have_the_types_of_the_api():
    body = form(
        field("stream", "True"),
        field("k", "3"),
        field("temperature", "0.5"),
        field("top_p", ""),
        field("x", "1"),
    )
    fields, files = parse_form(body, KIND)
    assert fields == {"stream": True, "k": 3, "temperature": 0.5, "top_p": None, "x": "1"}
    assert files == ()


def test_files():
    body = form(
        'Content-Disposition: form-data; name="files"; filename="a.txt"\r\n'
        "Content-Type: Text/Plain; charset=x\r\n\r\na\r\n--c",
        'content-disposition: form-data; name=files; filename=""\r\n\r\n',
        'Content-Disposition: form-data; name="files"; filename="b"\r\nContent-Type: a/b\rX: y\r\n\r\n',
    )
    _, files = parse_form(body, KIND)
    assert files == (File("a.txt", "text/plain", b"a\r\n--c"), File("b", "", b""))


@pytest.mark.parametrize(
    ("body", "kind", "code"),
    [
        (form(field("a", "b")), "multipart/form-data", "bad-form"),
        (b"", KIND, "bad-form"),
        (b"x" + form(field("a", "b")), KIND, "bad-form"),
        (form(field("a", "b"), end=""), KIND, "bad-form"),
        (form("Content-Disposition: form-data\r\n\r\nb"), KIND, "bad-form"),
        (form('Content-Disposition: form-data; name="a"'), KIND, "bad-form"),
        (form(*[field("a", "b")] * 101), KIND, "bad-form"),
        (form("Content-Disposition: form-data; name=a; filename*=idna'x'%ff\r\n\r\nb"), KIND, "bad-form"),
        (form("Content-Disposition: form-data; name*=utf-8'x'%ff\r\n\r\nb"), KIND, "bad-form"),
        (form(field("stream", "perhaps")), KIND, "bad-stream"),
        (form(field("k", "true")), KIND, "bad-field"),
        (form(field("k", "[1]")), KIND, "bad-field"),
        (form(field("a", "é")).replace(b"\xc3\xa9", b"\xe9"), KIND, "bad-field"),
    ],
)
def test_refused(body, kind, code):
    with pytest.raises(RouterError) as caught:
        parse_form(body, kind)
    assert (caught.value.status, caught.value.code) == (400, code)


@given(st.binary(), st.text(max_size=20))
def test_any_body_is_read_or_refused(body, boundary):
    for whole in (body, f"--{boundary}\r\n".encode() + body + f"\r\n--{boundary}--".encode()):
        refused = outcome(whole, f'multipart/form-data; boundary="{boundary}"')
        assert refused is None or refused.status in (400, 415)


def outcome(body, kind):
    """The RouterError that reading a form raises, if any; any other exception goes on."""
    try:
        fields, files = parse_form(body, kind)
        read_request(fields, {}, stream=True, name="app", files=files, typed=True)
    except RouterError as error:
        return error
    return None


@given(st.binary(min_size=1))
def test_what_is_sent_is_read_again(data):
    sent = Sent.form("file", Media.of(data, "audio/x-own"))
    fields, (file,) = parse_form(sent.body, sent.content_type)
    assert fields == {}
    assert (file.content_type, file.data) == ("audio/x-own", data)


async def test_what_a_client_library_writes():
    data = FormData(default_to_multipart=True)
    data.add_field("messages", "Où?")
    data.add_field("files", b"\x00\r\n", filename='é "x".txt', content_type="text/plain")
    payload = data()
    written = bytearray()

    class Writer:
        async def write(self, piece):
            written.extend(piece)

    await payload.write(Writer())
    fields, (file,) = parse_form(bytes(written), payload.headers["Content-Type"])
    assert fields == {"messages": "Où?"}
    assert (file.content_type, file.data) == ("text/plain", b"\x00\r\n")


@pytest.mark.parametrize(
    ("data", "kind", "name"),
    [
        (b"RIFF....WAVEfmt ", "audio/wav", "audio.wav"),
        (b"ID3\x04", "audio/mpeg", "audio.mp3"),
        (b"\xff\xfb\x90", "audio/mpeg", "audio.mp3"),
        (b"OggS", "audio/ogg", "audio.ogg"),
        (b"fLaC", "audio/flac", "audio.flac"),
        (b"\x00\x00\x00\x20ftypM4A ", "audio/mp4", "audio.m4a"),
        (b"\x1a\x45\xdf\xa3", "audio/webm", "audio.webm"),
        (b"?", "application/octet-stream", "audio.bin"),
    ],
)
def test_a_sound_is_known_by_its_first_bytes(data, kind, name):
    sound = Media.from_base64(base64.b64encode(data).decode())
    assert (sound.data, sound.content_type, sound.filename) == (data, kind, name)
    assert Media.from_base64("data:audio/x;a=b;base64," + sound.base64) == sound
    assert Media.of(data, "audio/own").content_type == "audio/own"


@pytest.mark.parametrize("text", ["", "é", "a", "data:,x", "data:audio/wav;base64,"])
def test_no_sound(text):
    with pytest.raises(ValueError):
        Media.from_base64(text)
