"""Sphinx: MyST pages, furo theme, no address outside the page itself."""

project = "Sadd"
author = "The Sadd authors"
copyright = "The Sadd authors, Apache-2.0"  # noqa: A001 (Sphinx names it so)
extensions = ["myst_parser"]
myst_enable_extensions = ["colon_fence", "deflist", "attrs_block"]
myst_heading_anchors = 3
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = "Sadd"
# Pygments cannot read JSON within the quotes of an nginx file; it then colours as much as it can.
suppress_warnings = ["misc.highlighting_failure"]
nitpicky = True
