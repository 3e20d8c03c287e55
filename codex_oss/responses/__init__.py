"""Read Responses requests and write Responses events."""

from codex_oss.responses.assembler import assemble
from codex_oss.responses.clients import codex_version
from codex_oss.responses.emitter import Encoder, Events, ResponseEvent, whole
from codex_oss.responses.failures import failure
from codex_oss.responses.narrator import Commentary, FinalReport, narrate
from codex_oss.responses.receipts import Receipt
from codex_oss.responses.reply import Turn
from codex_oss.responses.requests import ResponsesRequest, parse_request
from codex_oss.responses.tasks import task_text
from codex_oss.responses.translation import to_chat_request
from codex_oss.responses.warming import warm

__all__ = [
    "Commentary",
    "Encoder",
    "Events",
    "FinalReport",
    "Receipt",
    "ResponseEvent",
    "ResponsesRequest",
    "Turn",
    "assemble",
    "codex_version",
    "failure",
    "narrate",
    "parse_request",
    "task_text",
    "to_chat_request",
    "warm",
    "whole",
]
