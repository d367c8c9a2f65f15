"""The main table as LaTeX, for a paper: booktabs, shares with intervals, nothing else."""

from __future__ import annotations

from .statistics import Share
from .tables import Tables

_SPECIAL = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_",
    "{": r"\{", "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", '"': "''",
    "[": "{[}", "]": "{]}",  # after the end of a row, a bracket begins an argument
}  # fmt: skip
_COLUMNS = (
    ("valid", "valid"),
    ("sensible", "sensible"),
    ("passed", "all checks"),
    ("plan", "plan"),
    ("edit", "edits"),
    ("answer", "answers"),
)


def to_latex(tables: Tables) -> str:
    """Return the shares of each cell in percent with 95 % intervals, as a `table` environment.

    Its first line names the packages. A planner has a line of its own above its cells, and a table
    wider than the text shrinks to it.
    """
    columns = [
        (field, title)
        for field, title in _COLUMNS
        if any(getattr(s, field).total for s in tables.summaries)
    ]
    head = ["planner", "turns", *(title for _, title in columns)]
    lines = [
        r"% \usepackage{booktabs,graphicx}",
        r"\begin{table}",
        r"  \centering",
        r"  \caption{Planners: turns in percent, with 95\,\% Wilson intervals by scenario.}",
        r"  \setlength{\tabcolsep}{4pt}",
        r"  \resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%",
        rf"  \begin{{tabular}}{{l{'r' * (len(head) - 1)}}}",
        r"    \toprule",
        f"    {' & '.join(head)} \\\\",
        r"    \midrule",
    ]
    planner = None
    for summary in tables.summaries:
        cell = summary.cell
        if cell.planner != planner:
            planner = cell.planner
            lines.append(rf"    \multicolumn{{{len(head)}}}{{l}}{{{escaped(planner)}}} \\")
        shares = [_share(getattr(summary, field)) for field, _ in columns]
        way = r"\quad " + escaped(cell.name.removeprefix(f"{planner}, "))
        lines.append(f"    {' & '.join([way, str(summary.turns), *shares])} \\\\")
    lines += [r"    \bottomrule", r"  \end{tabular}}", r"\end{table}"]
    return "\n".join(lines) + "\n"


def escaped(text: str) -> str:
    """Return the text in one line, with every LaTeX command character escaped.

    Letters missing from pdfLaTeX's own fonts become code points, such as ``U+6A21``.
    """
    return "".join(
        _SPECIAL.get(c, c if _has_glyph(c) else f"U+{ord(c):04X}") for c in _one_line(text)
    )


def _one_line(text: str) -> str:
    """Return the text without line ends and control characters."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _has_glyph(char: str) -> bool:
    """Return whether a character is ASCII or a letter of western or central European languages."""
    return char.isascii() or (char.isalpha() and char < "\u017f")


def _share(share: Share) -> str:
    if not share.total:
        return "--"
    low, high = share.interval
    return f"{100 * share.value:.0f} [{100 * low:.0f}, {100 * high:.0f}]"
