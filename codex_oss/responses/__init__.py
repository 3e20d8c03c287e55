"""Read Responses requests and write Responses events."""

from codex_oss.responses.assembler import assemble
from codex_oss.responses.bodies import Body, parse_body
from codex_oss.responses.clients import codex_version
from codex_oss.responses.compaction import compaction_object
from codex_oss.responses.emitter import Encoder, Events, ResponseEvent, whole
from codex_oss.responses.failures import failure
from codex_oss.responses.narrator import Commentary, FinalReport, narrate
from codex_oss.responses.past import NO_PAST, Past, previous_response_not_found
from codex_oss.responses.receipts import Receipt
from codex_oss.responses.relay import relayed_body
from codex_oss.responses.reply import Style, Turn
from codex_oss.responses.requests import ResponsesRequest, parse_request
from codex_oss.responses.tasks import task_text
from codex_oss.responses.translation import to_chat_request
from codex_oss.responses.usage import input_tokens_object
from codex_oss.responses.warming import warm

__all__ = [
    "Body",
    "Commentary",
    "Encoder",
    "Events",
    "FinalReport",
    "NO_PAST",
    "Past",
    "Receipt",
    "ResponseEvent",
    "ResponsesRequest",
    "Style",
    "Turn",
    "assemble",
    "codex_version",
    "compaction_object",
    "failure",
    "input_tokens_object",
    "narrate",
    "parse_body",
    "parse_request",
    "previous_response_not_found",
    "relayed_body",
    "task_text",
    "to_chat_request",
    "warm",
    "whole",
]
