"""The report as one HTML page with embedded styles and plots, usable offline."""

from __future__ import annotations

import re
from html import escape

from .plots import bars, heatmap
from .scoring import TurnScore
from .tables import Table, Tables

_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;color:#1d2430;background:#fff;max-width:1100px;
margin:2rem auto;padding:0 1.2rem}
h1{font-size:1.8rem;margin-bottom:.3rem}h2{font-size:1.25rem;margin-top:2.4rem}
p,li{max-width:48rem}.facts{color:#556;font-size:.9rem}
.wide{overflow-x:auto}table{border-collapse:collapse;font-size:.86rem;width:100%}
th,td{text-align:left;vertical-align:top;padding:.3rem .6rem;border-bottom:1px solid #dfe3ea}
th{background:#f4f6f9;position:sticky;top:0}td:not(:first-child){font-variant-numeric:tabular-nums}
svg{width:100%;height:auto;display:block}details{margin:.5rem 0;border-left:3px solid #dfe3ea;
padding-left:.8rem}summary{cursor:pointer}code{background:#f4f6f9;padding:0 .25em}
.key i{display:inline-block;width:.9em;height:.7em;margin:0 .3em 0 .9em}
nav a{margin-right:1rem}
"""


def make_page(tables: Tables, about: str = "", most_failures: int = 12) -> str:
    """Return the report as an HTML page.

    Args:
        tables: of the report.
        about: a paragraph of Markdown at the top; links, `code` and **bold** are supported.
        most_failures: maximum number of failed turns shown for each cell.
    """
    facts = "".join(f"<li>{_inline(fact)}</li>" for fact in tables.facts)
    paragraphs = [f"<p>{_inline(part)}</p>" for part in about.strip().split("\n\n") if part]
    shown = "".join(_section(table) for table in tables.tables)
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Planner ablation</title>
<meta name="viewport" content="width=device-width,initial-scale=1"><style>{_STYLE}</style></head>
<body><h1>Planner ablation</h1>
{"".join(paragraphs)}<ul class="facts">{facts}</ul>
<h2>Valid plans</h2>
<p class="key"><i style="background:#b9c6d8"></i>first answer<i style="background:#2f6db5"></i>in
the end; whiskers are 95 % Wilson intervals</p>
{bars(tables.summaries)}
<h2>Turns that passed all checks, by family, in percent</h2>
{heatmap(tables.summaries)}
{shown}
<h2 id="failures">Failures to read</h2>
{_failures(tables, most_failures)}
</body></html>
"""


def _section(table: Table) -> str:
    about = f"<p>{_inline(table.about)}</p>" if table.about else ""
    head = "".join(f"<th>{_inline(text)}</th>" for text in table.head)
    rows = "".join(
        "<tr>" + "".join(f"<td>{escape(text)}</td>" for text in row) + "</tr>" for row in table.rows
    )
    body = f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody>"
    return f'<h2>{escape(table.title)}</h2>{about}<div class="wide"><table>{body}</table></div>'


def _failures(tables: Tables, most: int) -> str:
    parts = []
    for cell, turns in tables.failures.items():
        shown = "".join(_failure(turn) for turn in turns[:most])
        more = f"<p>… and {len(turns) - most} more</p>" if len(turns) > most else ""
        title = f"{escape(cell.name)}: {len(turns)} failed"
        parts.append(f"<details><summary>{title}</summary>{shown}{more}</details>")
    return "".join(parts)


def _failure(turn: TurnScore) -> str:
    lines = "".join(f"<li>{escape(line)}</li>" for line in what_came(turn))
    request = escape(" ".join(turn.request.split()))
    name = f"<b>{escape(turn.scenario.id)}</b>, turn {turn.number + 1}"
    return f"<details><summary>{name}: “{request}”</summary><ul>{lines}</ul></details>"


def what_came(turn: TurnScore) -> list[str]:
    """Return a line with the plan, and one for each fault."""
    lines = []
    for plan in turn.plans:
        steps = [
            f"{step.tool} {step.segment or step.motion} {step.description}".split()
            for step in plan.plan
        ]
        lines.append("plan: " + ("; ".join(" ".join(step) for step in steps) or "no steps"))
    lines += [f"{f.fault}: {f.detail}" for f in turn.findings if f.fault != "invalid_format"]
    lines = [line for line in lines if not line.startswith("None")]
    if not turn.valid:
        asks = turn.seen["asks"]
        error = asks[-1]["error"] if asks else turn.seen["reply"]
        lines.append(f"no valid plan in {len(asks)} answers; the last: {str(error)[:300]}")
    lines.append(f"reply: {str(turn.seen['reply'])[:300]}")
    return [" ".join(line.split()) for line in lines]


def _inline(text: str) -> str:
    """Return Markdown's links, code and bold as HTML; everything else is escaped."""
    markup = escape(text)
    markup = re.sub(r"`([^`]+)`", r"<code>\1</code>", markup)
    markup = re.sub(r"\*\*([^*]+)\*\*", r"<b>\1</b>", markup)
    return re.sub(r"\[([^\]]+)\]\(([^)\s]+)\)", r'<a href="\2">\1</a>', markup)
