"""Text as LaTeX: every letter reaches the page, and names can be copied from it."""

import re

_MATHS = {
    "±": r"\pm", "×": r"\times", "✗": r"\times", "\u2212": "-", "✓": r"\checkmark",
    "↓": r"\downarrow", "↑": r"\uparrow", "→": r"\rightarrow", "←": r"\leftarrow", "≤": r"\le",
    "≥": r"\ge", "≠": r"\ne", "≈": r"\approx", "·": r"\cdot", "∞": r"\infty", "°": r"^\circ",
    "α": r"\alpha", "β": r"\beta", "γ": r"\gamma", "δ": r"\delta", "Δ": r"\Delta", "λ": r"\lambda",
    "μ": r"\mu", "µ": r"\mu", "σ": r"\sigma", "Σ": r"\Sigma", "π": r"\pi", "τ": r"\tau",
}  # fmt: skip
_ESCAPES = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#",
    "%": r"\%", "_": r"\_", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", "`": r"\textasciigrave{}",
    "—": "---", "–": "--", "“": "``", "”": "''", "‘": "`", "’": "'", "…": r"\ldots{}",
    "\u00a0": "~", "-": "-{}", **{sign: f"${command}$" for sign, command in _MATHS.items()},
}  # fmt: skip
_RAISED = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", [*"0123456789", "$-$", "$+$"], strict=True))
# Superscripts in one piece; the first of two hyphens, which TeX would join; all that is special.
_SPECIAL = re.compile(rf"[{''.join(_RAISED)}]+|-(?=-)|[\\{{}}$&#%_~^<>|`]|[^\x00-\x7f]")
_OPENING = re.compile(r'(^|[\s(\[/=])"')
_ROW = re.compile(r"(?<=[a-z]),(?=[a-z])")
_BREAKS = re.compile(r"(?<=[./=,@:;\])_])(?=\S)|(?<=\w-)(?=\w)")


def escape(text: str) -> str:
    """Escape text for LaTeX: straight quotes are opened and closed, nothing else is seen.

    Words in a row without spaces, as values of options are written, may break after a comma.
    """
    text = _OPENING.sub(r"\1“", text.replace("\n", " ")).replace('"', "”")
    return _ROW.sub(r",\\allowbreak{}", _SPECIAL.sub(_escaped, text))


def code(text: str) -> str:
    """Escape text for a typewriter face, in which it may break after separators.

    Its underscore is a letter of the face, not a rule, so that a name can be copied from a page.
    """
    pieces = [escape(piece).replace(r"\_", r"\char95{}") for piece in _BREAKS.split(text)]
    return r"\texttt{" + r"\allowbreak{}".join(pieces) + "}"


def _escaped(match: re.Match[str]) -> str:
    """Return LaTeX for one special place; a sign that no font here has shows its number."""
    text = match[0]
    if text[0] in _RAISED:
        return rf"\textsuperscript{{{''.join(_RAISED[sign] for sign in text)}}}"
    if text in _ESCAPES:
        return _ESCAPES[text]
    return text if text.isalpha() and text < "\u0180" else f"[U+{ord(text):04X}]"
