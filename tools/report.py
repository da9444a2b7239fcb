"""Reports of a run: one readable page, JUnit for CI systems, JSON for programs."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import nbformat
from jinja2 import Environment

from tools.build import write
from tools.outcome import Outcome, show
from utils.bands import inside

ANSI = re.compile(r"\x1b\[[0-9;]*m")
NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
SHOWN = 20_000  # characters of one output

PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Run · {{ profile }} · {{ passed }} of {{ total }} passed</title>
<style>
:root { color-scheme: light dark; --line: light-dark(#ddd, #444); --soft: light-dark(#f5f5f5, #222);
  --good: light-dark(#00703c, #5fd38d); --bad: light-dark(#b00020, #ff8a80); --note: light-dark(#8a5a00, #ffc857) }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; width: 100% } th { text-align: left }
th, td { padding: .3rem .8rem .3rem 0; border-bottom: 1px solid var(--line); vertical-align: top }
.number { text-align: right; font-variant-numeric: tabular-nums }
.passed { color: var(--good) } .failed { color: var(--bad) } .note { color: var(--note) }
pre { background: var(--soft); padding: .8rem; overflow-x: auto; white-space: pre-wrap; font-size: 14px }
img { max-width: 100%; background: #fff }
</style>
<h1>{{ passed }} of {{ total }} passed</h1>
<p>Profile <b>{{ profile }}</b>{% if total > outcomes|length %} · interrupted: {{ total - outcomes|length }} not run{%
 endif %}{% if versions %} · Python {{ versions.python }} · TensorFlow {{ versions.tensorflow }} · Keras
 {{ versions.keras }}{% endif %}</p>
<table><thead><tr><th>Notebook<th>State<th class="number">Seconds<th>Data<th class="number">Checks<th>What</thead>
{% for o in outcomes %}<tr><td><a href="{{ o.name }}.ipynb">{{ o.name }}</a>
<td class="{{ o.state }}">{{ o.state }}{% if o.skipped %} (unchanged){% endif %}
<td class="number">{{ '%.1f' % o.seconds }}
<td>{% for name, origin in o.origins.items() %}{{ name }}: {{ origin }}<br>{% endfor %}
<td class="number">{{ o.checks|selectattr('state', 'equalto', 'passed')|list|length }}/{{ o.checks|length }}
<td>{% for p in o.problems %}<div class="failed">{{ p }}</div>{% endfor %}{% for w in o.warnings
%}<div class="note">{{ w }}</div>{% endfor %}
{% endfor %}</table>
{% if results %}<h2>Results</h2>
<table><thead><tr><th>Notebook<th>Result<th class="number">Measured<th class="number">Expected<th>Verdict</thead>
{% for r in results %}<tr><td>{{ r.notebook }}<td>{{ r.name }}<td class="number">{{ r.measured }}
<td class="number">{{ r.expected }}<td class="{{ r.css }}">{{ r.verdict }}
{% endfor %}</table>{% endif %}
{% for f in failures %}<h2>{{ f.name }}: cell {{ f.cell }}</h2>
<p class="failed">{{ f.reason }}</p>
<pre>{{ f.source }}</pre>
{% for o in f.outputs %}{% if o.png %}<img alt="figure" src="data:image/png;base64,{{ o.png }}">
{% else %}<pre>{{ o.text }}</pre>
{% endif %}{% endfor %}{% endfor %}
</html>
"""


def write_reports(folder: Path, outcomes: Sequence[Outcome], total: int) -> None:
    """Write report.html, junit.xml and report.json into the folder of the runs; `total` were asked for."""
    total = max(total, len(outcomes))
    write(folder / "report.json", json.dumps([o.as_json() for o in outcomes], indent=1, ensure_ascii=False) + "\n")
    write(folder / "report.html", page(folder, outcomes, total))
    write(folder / "junit.xml", junit(folder, outcomes))


def page(folder: Path, outcomes: Sequence[Outcome], total: int) -> str:
    """The report as one HTML page."""
    failures = [failing_cell(folder, outcome) for outcome in outcomes if outcome.cell is not None]
    return str(
        Environment(autoescape=True)
        .from_string(PAGE)
        .render(
            outcomes=outcomes,
            total=total,
            passed=sum(outcome.passed for outcome in outcomes),
            profile=outcomes[0].profile if outcomes else folder.name,
            versions=next((outcome.key for outcome in outcomes if outcome.key), None),
            results=[row for outcome in outcomes for row in result_rows(outcome)],
            failures=failures,
        )
    )


def result_rows(outcome: Outcome) -> list[dict[str, str]]:
    """A row for each recorded or expected result; only a full run on real data is compared."""
    rows = []
    for name in dict.fromkeys([*outcome.expected, *outcome.results]):
        band = outcome.expected.get(name)
        comparable = outcome.profile == "full" and outcome.real and band is not None
        verdict = "missing" if name not in outcome.results else "not compared"
        if comparable and band is not None and name in outcome.results:
            verdict = "inside" if inside(outcome.results[name], band) else "outside"
        rows.append(
            {
                "notebook": outcome.name,
                "name": name,
                "measured": show(outcome.results[name]) if name in outcome.results else "",
                "expected": f"{float(band[0]):g} … {float(band[1]):g}" if band else "",
                "verdict": verdict,
                "css": {"inside": "passed", "outside": "failed"}.get(verdict, "failed" if comparable else ""),
            }
        )
    return rows


def failing_cell(folder: Path, outcome: Outcome) -> dict[str, Any]:
    """Source and outputs of the cell that failed, from the saved notebook."""
    assert outcome.cell is not None
    cell = nbformat.read(folder / f"{outcome.name}.ipynb", as_version=4).cells[outcome.cell]
    outputs = [_output(output) for output in cell.get("outputs", ())]
    return {
        "name": outcome.name,
        "cell": outcome.cell,
        "reason": outcome.reason,
        "source": cell.source,
        "outputs": outputs,
    }


def _output(output: Mapping[str, Any]) -> dict[str, str]:
    data = output.get("data", {})
    if "image/png" in data:
        return {"png": data["image/png"].strip()}
    text = output.get("text") or "\n".join(output.get("traceback", ())) or str(data.get("text/plain", ""))
    text = ANSI.sub("", text)
    return {"text": text if len(text) <= SHOWN else f"{text[: SHOWN // 2]}\n[…]\n{text[-SHOWN // 2 :]}"}


def junit(folder: Path, outcomes: Sequence[Outcome]) -> str:
    """The report in the form that CI systems read: a test case per notebook."""
    failed = sum(not outcome.passed for outcome in outcomes)
    seconds = sum(outcome.seconds for outcome in outcomes)
    profile = outcomes[0].profile if outcomes else folder.name
    suite = ElementTree.Element(
        "testsuite",
        name=f"lessons, profile {profile}",
        tests=str(len(outcomes)),
        failures=str(failed),
        errors="0",
        skipped="0",
        time=f"{seconds:.3f}",
    )
    for outcome in outcomes:
        case = ElementTree.SubElement(
            suite, "testcase", classname=f"lessons.{profile}", name=outcome.name, time=f"{outcome.seconds:.3f}"
        )
        if not outcome.passed:
            message = _xml_text(outcome.problems[0] if outcome.problems else "failed")
            failure = ElementTree.SubElement(case, "failure", message=message)
            failure.text = _xml_text("\n".join([*outcome.problems, *_cell_text(folder, outcome)]))
        if outcome.warnings:
            ElementTree.SubElement(case, "system-out").text = _xml_text("\n".join(outcome.warnings))
    suites = ElementTree.Element("testsuites")
    suites.append(suite)
    ElementTree.indent(suites)
    return ElementTree.tostring(suites, encoding="unicode", xml_declaration=True) + "\n"


def _cell_text(folder: Path, outcome: Outcome) -> list[str]:
    if outcome.cell is None:
        return []
    cell = failing_cell(folder, outcome)
    outputs = [output.get("text", "") for output in cell["outputs"]]
    return [f"\ncell {outcome.cell}:", cell["source"], *outputs]


def _xml_text(text: str) -> str:
    """Text without the control characters that XML cannot hold."""
    return NOT_XML.sub("�", ANSI.sub("", text))
