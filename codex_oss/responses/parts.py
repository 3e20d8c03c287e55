"""The parts of a message or of a tool's result: text, images, files.

JSON enters, text and chat's own parts leave. Nothing is fetched, and base64 never becomes text. A
part that cannot be passed on is a fault with its path, since without it the answer would be to
another question (bridge 7).
"""

from collections.abc import Callable

from codex_oss.chat import ChatMessage, FilePart, ImagePart, TextPart
from codex_oss.responses.past import Json
from codex_oss.responses.reading import Reading

Part = TextPart | ImagePart | FilePart
Content = tuple[str, tuple[Part, ...]]
"""The text before anything else, and what stands behind it in its order."""

_TEXT_KEY = {"input_text": "text", "output_text": "text", "text": "text", "refusal": "refusal"}


def parse_content(value: object, path: str, reading: Reading) -> Content:
    """Return a text, or the texts of its parts joined with newlines up to the first that is
    none, and all parts from there on."""
    if isinstance(value, str):
        return value, ()
    if not isinstance(value, list):
        reading.wrong(path, "a string or a list of parts", value)
        return "", ()
    return joined([parse_part(part, at, reading) for at, part in reading.objects(value, path)])


def parse_part(part: Json, path: str, reading: Reading) -> str | ImagePart | FilePart:
    kind = reading.string(part, "type", path)
    if key := _TEXT_KEY.get(kind):
        return reading.string(part, key, path)
    if parse := _PARSERS.get(kind):
        return parse(part, path, reading)
    if kind:
        known = ", ".join((*_TEXT_KEY, *_PARSERS))
        reading.fault(f"{path}.type", "invalid_value", f"expected one of {known}")
    return ""


def joined(parts: list[str | ImagePart | FilePart]) -> Content:
    texts: list[str] = []
    for at, part in enumerate(parts):
        if not isinstance(part, str):
            rest = (TextPart(each) if isinstance(each, str) else each for each in parts[at:])
            return "\n".join(texts), tuple(rest)
        texts.append(part)
    return "\n".join(texts), ()


def words_of(message: ChatMessage) -> str:
    """Return the text of a message, wherever in it it stands."""
    if not message.parts:
        return message.text
    texts = (part.text for part in message.parts if isinstance(part, TextPart))
    return "\n".join(filter(None, (message.text, *texts)))


def _image(part: Json, path: str, reading: Reading) -> str | ImagePart:
    if part.get("file_id") is not None:
        told, hint = "no files are kept here", "send a data: URL as `image_url`"
        reading.fault(f"{path}.file_id", "unsupported_file_id", told, hint)
        return ""
    url = reading.string(part, "image_url", path)
    if url and not url.lower().startswith(("data:", "https:")):
        told = "expected a data: or an https: URL"
        reading.fault(f"{path}.image_url", "invalid_value", told)
    return ImagePart(url, reading.optional(part, "detail", str, path) or "")


def _file(part: Json, path: str, reading: Reading) -> str | FilePart:
    for name in ("file_id", "file_url"):
        if part.get(name) is not None:
            told, hint = "no files are kept or fetched here", "send it as `file_data`"
            reading.fault(f"{path}.{name}", f"unsupported_{name}", told, hint)
            return ""
    name = reading.optional(part, "filename", str, path) or "file"
    return FilePart(name, reading.string(part, "file_data", path))


def _audio(part: Json, path: str, reading: Reading) -> str:
    reading.fault(path, "unsupported_audio", "no model here listens", "send a transcript")
    return ""


_PARSERS: dict[str, Callable[[Json, str, Reading], str | ImagePart | FilePart]] = {
    "input_image": _image,
    "input_file": _file,
    "input_audio": _audio,
}
