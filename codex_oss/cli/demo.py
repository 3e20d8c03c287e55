"""The commands that run the product for real: the demo and the self-test."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from codex_oss.cli.output import Console, Result
from codex_oss.errors import BadRequest
from codex_oss.layout import PRODUCT_ROOT
from codex_oss.system import remove_scratch, scratch_folder
from codex_oss.trials import DemoMission, run_demo, self_test


def demo_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--objective", action="append", default=[], metavar="TEXT", help="what to find out"
    )


def demo(arguments: Namespace, console: Console) -> Result:
    project = (arguments.project or PRODUCT_ROOT).resolve()
    state = scratch_folder("codex-oss-demo-")
    missions = run_demo(project, state, arguments.objective, console.tell)
    if not missions:
        remove_scratch(state)
        raise BadRequest(
            f"{project} defines nothing that the demo could ask about",
            hint="ask yourself: codex-oss demo --objective 'Where is `main` defined?'",
        )
    document = {
        "schema_version": "demo.v1",
        "project": str(project),
        "model": "rehearsal",
        "missions": [mission.to_json() for mission in missions],
    }
    complete = all(mission.report["status"] == "COMPLETE" for mission in missions)
    return Result(document, _text(state, missions), 0 if complete else 1)


def _text(state: Path, missions: tuple[DemoMission, ...]) -> str:
    shown = "\n\n".join(mission.message for mission in missions)
    return f"""
{shown}

The artifacts are in {missions[0].artifacts.parent}; check them:
  bin/codex-oss log verify --all --project {state}
That was the rehearsal model. For a real one, put OPENCODE_GO_API_KEY=... into
.codex-oss/env/opencode-go.env (mode 0600), then:
  bin/codex-oss mission template --root . > mission.json
  bin/codex-oss mission run mission.json --profile kimi"""


def check_self_arguments(parser: ArgumentParser) -> None:
    del parser  # It has none.


def check_self(_arguments: Namespace, _console: Console) -> Result:
    folder = scratch_folder("codex-oss-self-test-")
    try:
        self_test(folder)
    finally:
        remove_scratch(folder)
    return Result({"schema_version": "self_test.v1", "passed": True}, "self-test passed")
