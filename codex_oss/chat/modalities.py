"""Images and files, for models that do not read them.

A message enters, and leaves with a note in the place of each image, and with the text of each file
that is text. A file that is none, for a model that is known to read none, raises `BadRequest`: what
it holds cannot be left out without a word (bridge 7).
"""

import re
from base64 import b64decode
from dataclasses import replace

from codex_oss.chat.changes import Changes
from codex_oss.chat.dialect import Dialect
from codex_oss.chat.messages import ChatMessage, FilePart, ImagePart, TextPart
from codex_oss.errors import BadRequest, Fault

INLINE_BYTES_MAX = 1 << 20  # Of a file that is sent as text: a quarter of a million tokens.

Part = TextPart | ImagePart | FilePart

_DATA_URL = r"(?is)data:([^;,]*)(?:;[^;,]*)*?;base64,(.*)"
_TEXT = r"(?is)text/.*|application/(?:.*\+)?json"


def readable(message: ChatMessage, dialect: Dialect, changes: Changes) -> ChatMessage:
    """Return the message as the model can read it; all in its text where there is nothing else."""
    parts = tuple(_readable(part, dialect, changes) for part in message.parts)
    texts = [part.text for part in parts if isinstance(part, TextPart)]
    if len(texts) < len(parts):
        return message if parts == message.parts else replace(message, parts=parts)
    return replace(message, text="\n".join(filter(None, (message.text, *texts))), parts=())


def text_of_file(file: FilePart) -> str | None:
    """Return the text of a file that is text, by its type or, where it has none, by its bytes;
    `None` for any other, and for more than 1 MiB."""
    found = re.fullmatch(_DATA_URL, file.data)
    kind, encoded = found.groups() if found else ("", file.data)
    if (kind and not re.fullmatch(_TEXT, kind)) or len(encoded) > INLINE_BYTES_MAX * 4 // 3 + 4:
        return None
    try:
        content = b64decode(encoded, validate=True)
        text = content.decode()
    except ValueError:
        return None
    return None if "\0" in text or len(content) > INLINE_BYTES_MAX else text


def _readable(part: Part, dialect: Dialect, changes: Changes) -> Part:
    reads = dialect.modalities
    if isinstance(part, TextPart) or reads is None:
        return part
    if isinstance(part, ImagePart):
        if "image" in reads:
            return part
        changes.drop("part:input_image")
        return TextPart(f"[image omitted: {dialect.model} reads {' and '.join(reads)} only]")
    return part if "file" in reads else _as_text(part, dialect)


def _as_text(file: FilePart, dialect: Dialect) -> TextPart:
    text = text_of_file(file)
    if text is None:
        code, told = "unsupported_file", f"{dialect.model} cannot read the file {file.filename}"
        hint = "send its text, or choose a model that reads files"
        raise BadRequest(told, code=code, hint=hint, faults=[Fault("input", code, told, hint)])
    return TextPart(f'<file name="{file.filename}">\n{text}\n</file>')
