"""Formulas of the book, written in LaTeX, as Typst writes them.

Only what the report uses is known; anything else is an error, so that no formula is set wrongly in silence.
"""

from __future__ import annotations

import re

TOKEN = re.compile(r"\\[a-zA-Z]+|\\.|\d+(?:[.,]\d+)*|\s+|.", re.DOTALL)

SYMBOLS = {
    r"\mu": "mu", r"\sigma": "sigma", r"\tau": "tau", r"\pi": "pi", r"\varepsilon": "epsilon", r"\lambda": "lambda",
    r"\gamma": "gamma", r"\theta": "theta", r"\ell": "ell", r"\kappa": "kappa",
    r"\log": "log", r"\max": "max", r"\exp": "exp", r"\sum": "sum", r"\tanh": "tanh", r"\sim": "tilde.op",
    r"\odot": "dot.o", r"\cdot": "dot", r"\times": "times", r"\in": "in", r"\mid": "divides", r"\pm": "plus.minus",
    r"\le": "<=", r"\ge": ">=", r"\approx": "approx", r"\to": "->", r"\lVert": "lr(‖", r"\rVert": "‖)",
    r"\quad": "quad", r"\qquad": "quad quad", r"\,": "thin", r"\;": "med", r"\ ": "space", r"\!": "", r"\\": "\\",
    r"\infty": "infinity", r"\dots": "dots", r"\top": "top", r"\leftarrow": "<-",
}  # fmt: skip
SIZES = {r"\big", r"\Big", r"\left", r"\right", r"\textstyle"}  # Typst sizes brackets by itself
WRAPPERS = {
    r"\hat": "hat({})", r"\tilde": "tilde({})", r"\sqrt": "sqrt({})", r"\mathbf": "bold({})", r"\mathcal": "cal({})",
    r"\bar": "macron({})",
}  # fmt: skip
NAMES = {r"\mathrm", r"\operatorname", r"\text"}
FRACTIONS = {r"\frac": "frac({}, {})", r"\tfrac": "inline(frac({}, {}))"}


def typst_math(latex: str) -> str:
    """The formula without its dollars.

    Raises:
        ValueError: a command or an environment that is not known here, or a brace too many.
    """
    tokens = [token for token in TOKEN.findall(latex) if not token.isspace()]
    return _sequence(tokens, end=None)[0]


def _sequence(tokens: list[str], end: str | None) -> tuple[str, list[str]]:
    """Terms up to ``end``, and the tokens after it."""
    parts = []
    while tokens and tokens[0] != end:
        if tokens[0] in "^_":
            argument, rest = _argument(tokens[1:])
            parts[-1] += f"{tokens[0]}({argument})"
            tokens = rest
        else:
            term, tokens = _term(tokens)
            parts.append(term)
    return " ".join(part for part in parts if part), tokens[1:] if end else tokens


def _argument(tokens: list[str]) -> tuple[str, list[str]]:
    """As :func:`_term`, but of a number without braces only the first digit, as in LaTeX."""
    if tokens[0][0].isdigit() and len(tokens[0]) > 1:
        tokens = [tokens[0][0], tokens[0][1:], *tokens[1:]]
    return _term(tokens)


def _term(tokens: list[str]) -> tuple[str, list[str]]:
    """One symbol or group, and the tokens after it."""
    token, rest = tokens[0], tokens[1:]
    if token == "}":
        raise ValueError("unbalanced braces")
    if token == "{":
        return _sequence(rest, "}")
    if token in WRAPPERS:
        argument, rest = _argument(rest)
        return WRAPPERS[token].format(argument), rest
    if token in FRACTIONS:
        above, rest = _argument(rest)
        below, rest = _argument(rest)
        return FRACTIONS[token].format(above, below), rest
    if token in NAMES:
        close = rest.index("}")
        return f'op("{"".join(rest[1:close])}")', rest[close + 1 :]
    if token in (r"\begin", r"\end"):
        close = rest.index("}")
        if "".join(rest[1:close]) != "aligned":
            raise ValueError(f"unknown environment {''.join(rest[1:close])!r}")
        return "", rest[close + 1 :]
    if token in SIZES:
        return "", rest
    if token in SYMBOLS:
        return SYMBOLS[token], rest
    if token.startswith("\\") and len(token) > 1:
        raise ValueError(f"unknown command {token!r}")
    escaped = {"#": r"\#", "$": r"\$", '"': r"\"", "/": r"\/", ",": ",", ";": r"\;"}
    return escaped.get(token, token), rest
