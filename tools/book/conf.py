"""Sphinx's settings of the book; every file that a page loads comes from a Python package or from this folder."""

import shutil
from pathlib import Path
from typing import Any

from tools.slides import package_folder

HERE = Path(__file__).parent

project = "Deep learning in twenty-two notebooks"
html_title = project
language = "en"
extensions = ["myst_nb", "sphinx.ext.mathjax", "sphinx_copybutton", "tools.book.extension"]
exclude_patterns = ["figures/*"]
nitpicky = True
suppress_warnings = ["config.cache"]

# The notebooks were executed where the numbers were checked
nb_execution_mode = "off"
nb_render_markdown_format = "myst"  # our figures
nb_code_prompt_show = "Show the code"
nb_code_prompt_hide = "Hide the code"
myst_enable_extensions = ["amsmath", "attrs_block", "attrs_inline", "dollarmath", "strikethrough"]
myst_dmath_double_inline = True  # $$…$$ inside a paragraph, as JupyterLab reads it
myst_heading_anchors = 3

# One file with all glyphs: fonts beside a page opened from a file would be refused by some browsers
MATHJAX = "tex-svg-full.js"
mathjax_path = f"mathjax/{MATHJAX}"

html_theme = "furo"
templates_path = [str(HERE / "templates")]
html_theme_options = {
    "light_css_variables": {
        "course-good": "#0b6b2d",
        "course-bad": "#b3001b",
        "course-exercise": "#8a5a00",
        "course-shadow": "#00000038",
    },
    "dark_css_variables": {
        "course-good": "#5fd38a",
        "course-bad": "#ff9c96",
        "course-exercise": "#e8b04b",
        "course-shadow": "#ffffff26",
    },
}
html_static_path = [str(HERE / "static")]
html_css_files = ["book.css"]
html_js_files = ["book.js"]
html_favicon = str(HERE / "static" / "favicon.svg")
html_show_sourcelink = False
html_copy_source = False
html_show_copyright = False
html_use_index = False
html_domain_indices = False
pygments_style = "a11y-high-contrast-light"
pygments_dark_style = "a11y-high-contrast-dark"
copybutton_selector = "div.cell_input div.highlight pre, div.highlight-bash div.highlight pre"


def copy_mathjax(app: Any, error: Exception | None) -> None:
    """MathJax beside the pages, from its package."""
    if error is None:
        folder = Path(app.outdir) / "_static" / "mathjax"
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(package_folder("sphinx-mathjax-offline") / "static" / "mathjax" / MATHJAX, folder / MATHJAX)


def setup(app: Any) -> None:
    """What Sphinx calls with the application."""
    app.connect("build-finished", copy_mathjax)
