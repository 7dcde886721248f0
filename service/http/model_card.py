"""The model's card as HTML."""

from markdown_it import MarkdownIt


def as_html(card: str) -> str:
    """A fragment to be shown within a page: its headings are one level below the page's own.

    HTML in the card stays text, so that the page can trust what it gets. Pictures are left out:
    they are files beside the card, which are not served.
    """
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    markdown.add_render_rule("image", lambda *_: "")
    tokens = markdown.parse(card)
    for token in tokens:
        if token.type.startswith("heading_"):
            token.tag = f"h{int(token.tag[1]) + 1}"
    html: str = markdown.renderer.render(tokens, markdown.options, {})
    return html
