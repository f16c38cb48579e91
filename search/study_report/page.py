"""The page of a study as HTML: complete with its data in a file, or live from a server."""

from html import escape
from string import Template
from typing import Any

from search.pages.content import embedded_json, read_part, shared_style

PACKAGE = "search.study_report"
SCRIPTS = ("drawing.js", "charts.js", "net.js", "page.js")


def render_page(title: str, data: dict[str, Any]) -> str:
    """Return the page as one document that loads nothing but what ``data`` tells it to.

    ``data`` holds ``overview`` and ``details``, or for a live page ``live``: true.
    """
    is_live = bool(data.get("live"))
    return Template(read_part(PACKAGE, "page.html")).substitute(
        title=escape(title),
        connect="'self'" if is_live else "'none'",
        style=shared_style() + read_part(PACKAGE, "page.css"),
        script="\n".join(read_part(PACKAGE, name) for name in SCRIPTS),
        data=embedded_json(data),
    )
