"""Envelopes: what a caller keeps for us and hands back, which nobody else can have written.

Reasoning or a summary and a key enter, one token leaves, and the other way. What the token says is
not secret; that it is ours is proved by its HMAC. The key outlives a restart, so an envelope does
(bridge 10 and 17).
"""

import binascii
import hashlib
import hmac
import json
import zlib
from base64 import b64encode, urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from codex_oss.chat import to_json

REASONING, SUMMARY = "oss1", "oss1c"  # Of which kind a token is; the HMAC covers it.
VERSION = 1
TOKEN_CHARS_MAX = 4 * 1024 * 1024

Unreadable = Literal["foreign", "tampered", "too_large"]


@dataclass(frozen=True, slots=True)
class SealedReasoning:
    """Whose reasoning a text is. The response's id stands for those of its calls, which are drawn
    from it. `text` is here where the caller is not shown it, `blocks` are a provider's own."""

    family: str
    upstream_model: str
    response_id: str
    text_sha256: str
    text: str | None = None
    blocks: tuple[str, ...] = ()


def digest_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def seal_reasoning(key: bytes, reasoning: SealedReasoning) -> str | None:
    """Return the token, or `None` where it would be larger than a caller should carry."""
    told: dict[str, object] = {
        "family": reasoning.family,
        "model": reasoning.upstream_model,
        "response": reasoning.response_id,
        "sha256": reasoning.text_sha256,
    }
    if reasoning.text is not None:
        told["text"] = _packed(reasoning.text)
    if reasoning.blocks:
        told["blocks"] = _packed(to_json(reasoning.blocks))
    token = _sealed(key, REASONING, told)
    return token if len(token) <= TOKEN_CHARS_MAX else None


def unseal_reasoning(key: bytes, token: str) -> SealedReasoning | Unreadable:
    told = _unsealed(key, REASONING, token)
    if isinstance(told, str):
        return told
    text, blocks = told.get("text"), told.get("blocks")
    return SealedReasoning(
        family=str(told["family"]),
        upstream_model=str(told["model"]),
        response_id=str(told["response"]),
        text_sha256=str(told["sha256"]),
        text=None if text is None else _unpacked(text),
        blocks=() if blocks is None else tuple(json.loads(_unpacked(blocks))),
    )


def seal_summary(key: bytes, text: str) -> str:
    return _sealed(key, SUMMARY, {"text": _packed(text)})


def unseal_summary(key: bytes, token: str) -> str | None:
    """Return the text of a summary of ours, or `None`."""
    told = _unsealed(key, SUMMARY, token)
    return None if isinstance(told, str) else _unpacked(told["text"])


def _sealed(key: bytes, kind: str, told: Mapping[str, object]) -> str:
    body = urlsafe_b64encode(to_json({"v": VERSION, **told}).encode()).decode().rstrip("=")
    return f"{kind}.{body}.{_signature(key, f'{kind}.{body}')}"


def _unsealed(key: bytes, kind: str, token: str) -> Mapping[str, object] | Unreadable:
    if not token.startswith(f"{kind}."):
        return "foreign"
    if len(token) > TOKEN_CHARS_MAX:
        return "too_large"
    signed, _, signature = token.rpartition(".")
    if not hmac.compare_digest(_signature(key, signed).encode(), signature.encode()):
        return "tampered"
    body = signed.removeprefix(f"{kind}.")
    told = json.loads(urlsafe_b64decode(f"{body}=="))
    return told if told["v"] == VERSION else "foreign"


def _signature(key: bytes, signed: str) -> str:
    digest = hmac.digest(key, signed.encode(), "sha256")
    return urlsafe_b64encode(digest).decode().rstrip("=")


def _packed(text: str) -> str:
    return b64encode(zlib.compress(text.encode())).decode()


def _unpacked(packed: object) -> str:
    return zlib.decompress(binascii.a2b_base64(str(packed))).decode()
