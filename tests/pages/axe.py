"""What axe-core finds wrong with a page."""

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


async def findings(page: Page) -> list[str]:
    """Each violated rule with the elements that violate it; empty when axe has nothing to say."""
    results = await Axe().run(page, options=RULES)
    return [
        f"{found['id']}: {node['target']} {node.get('failureSummary', '')}"
        for found in results.response["violations"]
        for node in found["nodes"]
    ]
