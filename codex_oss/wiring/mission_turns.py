"""The turns that run missions: handoffs, and what the support modes read.

A workshop enters, what the gateway asks for leaves. Loaded after the port is open.
"""

from codex_oss.gateway import (
    Finalizers,
    Manner,
    MissionTurns,
    PackLimits,
    RoundLimits,
    SourcePacks,
    SupportLimits,
    SupportRules,
    SupportTurns,
)
from codex_oss.missions import TraceStyle
from codex_oss.wiring.workshop import Workshop


def wire_mission_turns(workshop: Workshop) -> MissionTurns:
    settings = workshop.settings
    style = TraceStyle(
        settings.oss_visible_trace if settings.oss_visible_trace_stream else "off",
        settings.oss_visible_trace_max_events,
        settings.oss_visible_trace_max_event_chars,
    )
    return MissionTurns(
        workshop.desk,
        str(workshop.project),
        style,
        workshop.clock,
        inline_report=settings.oss_inline_report_json,
    )


def wire_support_turns(
    workshop: Workshop, manner: Manner, rules: SupportRules, finalizers: Finalizers
) -> SupportTurns:
    settings = workshop.settings
    rounds = RoundLimits(
        settings.oss_native_max_tool_exchanges,
        settings.oss_max_tool_turns,
        settings.oss_max_write_tool_turns,
        settings.continuation_tools,
        settings.max_tool_output_chars,
    )
    packs = PackLimits(
        settings.context_pack_max_chars,
        settings.context_pack_max_search_terms,
        settings.oss_read_finalizer_max_files,
        settings.oss_read_finalizer_max_excerpt_chars,
        settings.oss_read_finalizer_max_prompt_chars,
        settings.continuation_deadline_seconds,
        settings.degraded_completion_on_timeout,
        settings.write_result_mode == "model",
        settings.sse_chunk_size,
    )
    return SupportTurns(
        workshop.models,
        finalizers,
        SourcePacks(workshop.desk, finalizers, packs),
        rules,
        SupportLimits(
            rounds, settings.request_deadline_seconds, settings.continuation_deadline_seconds
        ),
        workshop.clock,
        manner,
    )
