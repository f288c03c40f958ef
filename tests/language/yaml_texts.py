"""YAML as people write it, made at random: every style, with comments, blank lines and anchors anywhere."""

from __future__ import annotations

from hypothesis import strategies as st

_WORDS = (
    "id title when steps outputs until within approval for_each ssh require runbook kind owner inputs done"
    " undo revert keep a b_1"
)
KEYS = [*_WORDS.split(), "'quoted key'", '"q"', "x y"]
ONE_LINE = r"""
plain
two words
it's
a#b
-1
-
0x1F
1.0
true
null
~
2026-11-01
-x
a:b
'single'
'it''s'
'# none'
"double"
"a\tb"
"\u00e4 \\ \" "
''
""
'${{ x }}'
"${{ a.b('c') }}"
'${{ a["b"] }}'
'a"b\c''d ${{ x }}'
"a\\b ${{ x }}"
"x > 1"
'!x'
"a: b"
"a #b"
"5"
'true'
"x ? y : z"
é日本
""".strip().splitlines()
BLOCK_ONLY = ["result[0] > 1", "a, b", "${{ x }}", "x.exists(r, r.y == {})", "a {b}", "f(x)[0]"]
COMMENTS = [
    "# c",
    "#",
    "# yaml-language-server: $schema=x.json",
    "#  - id: old",
    '# it\'s [here], "so": {x',
    "#!x",
]
ANCHORS = ["", "", "", "", "", "", "&a "]


@st.composite
def _comment_lines(draw: st.DrawFn, indent: int) -> list[str]:
    """Nothing mostly, else comments and blank lines, indented as they should be or not."""
    lines = []
    for kind in draw(st.lists(st.sampled_from(["blank", "comment", "odd"]), max_size=3) | st.just([])):
        shift = draw(st.integers(-2, 5)) if kind == "odd" else 0
        lines.append(
            "" if kind == "blank" else " " * max(indent + shift, 0) + draw(st.sampled_from(COMMENTS))
        )
    return lines


@st.composite
def _beside(draw: st.DrawFn) -> str:
    """Mostly nothing, else a comment behind something."""
    if draw(st.integers(0, 4)):
        return draw(st.sampled_from(["", "", "", "  "]))
    return draw(st.sampled_from([" ", "  ", "\t", " " * 9])) + draw(st.sampled_from(COMMENTS))


@st.composite
def _flow(draw: st.DrawFn, depth: int) -> str:
    """A collection in brackets, now and then over several lines."""
    kind = draw(st.integers(0, 5 if depth else 3))
    if kind < 3:
        return draw(st.sampled_from(ONE_LINE))
    between = draw(st.sampled_from([", ", ",", " , ", ",\n      ", ", # c\n      ", " # c\n      , "]))
    begin = draw(st.sampled_from(["", "", " ", "\n      ", " # c\n      # own\n      "]))
    end = draw(st.sampled_from(["", "", " ", "\n      ", " # c\n      # own\n      ", ","]))
    if draw(st.booleans()):
        items = draw(st.lists(_flow(depth - 1), max_size=4))
        return "[" + begin + between.join(items) + (end if items or end != "," else "") + "]"
    keys = draw(st.lists(st.sampled_from(KEYS), max_size=4, unique_by=lambda key: key.strip("'\"")))
    entries = [f"{key}: {draw(_flow(depth - 1))}" for key in keys]
    return "{" + begin + between.join(entries) + (end if entries or end != "," else "") + "}"


@st.composite
def _text_block(draw: st.DrawFn, indent: int) -> list[str]:
    """Behind a key: a literal or folded block, or a plain or quoted scalar over several lines."""
    pad = " " * (indent + draw(st.integers(1, 3)))
    kind = draw(st.integers(0, 3))
    words = st.sampled_from(["one", "two words", "# no comment", "  deeper", "it's", "a: b", "${{ x }}", ""])
    if kind < 2:
        lines = ["first", *draw(st.lists(words, max_size=4))]
        chomp = draw(st.sampled_from(["", "", "-", "+", " # c", "-  # c"]))
        return [draw(st.sampled_from("|>")) + chomp, *(f"{pad}{line}" if line else "" for line in lines)]
    if kind == 2:
        return ["'first", *(f"{pad}{draw(words).replace(chr(39), '')}" for _ in range(2)), f"{pad}last'"]
    return ['"first \\', f"{pad}two\\", f"{pad}\\ three", f'{pad}last"{draw(_beside())}']


@st.composite
def _block(draw: st.DrawFn, indent: int, depth: int) -> list[str]:
    """The lines of a block mapping or list whose keys or dashes stand in column `indent`."""
    pad = " " * indent
    lines: list[str] = []
    is_mapping = depth > 2 or draw(st.booleans())
    if is_mapping:
        keys = draw(
            st.lists(st.sampled_from(KEYS), min_size=1, max_size=5, unique_by=lambda key: key.strip("'\""))
        )
        heads = [f"{key}:" for key in keys]
    else:
        heads = ["-"] * draw(st.integers(1, 4))
    for head in heads:
        lines += draw(_comment_lines(indent))
        lines += [
            f"{pad}{line}" if at == 0 else line for at, line in enumerate(draw(_member(head, indent, depth)))
        ]
    return lines


@st.composite
def _member(draw: st.DrawFn, head: str, indent: int, depth: int) -> list[str]:
    """The lines of one entry or item; the first one without its indentation."""
    kind = draw(st.integers(0, 9))
    anchor = draw(st.sampled_from(ANCHORS))
    if kind < 3 or (kind > 5 and not depth):
        value = draw(st.sampled_from([*ONE_LINE, *BLOCK_ONLY]))
        return [f"{head} {anchor}{value}{draw(_beside())}"]
    if kind == 3:
        return [f"{head} {anchor}{draw(_flow(2))}{draw(_beside())}"]
    if kind == 4:
        first, *rest = draw(_text_block(indent))
        return [f"{head} {anchor}{first}", *rest]
    if kind == 5:
        return [f"{head}{draw(st.sampled_from(['', '', '', ' *a']))}{draw(_beside())}"]
    step = draw(st.integers(0 if head != "-" else 1, 4))
    inside = draw(_block(indent + step, depth - 1))
    if step == 0 and not inside[0].lstrip().startswith("-"):
        inside = [f"  {line}" if line else "" for line in inside]
    if head == "-" and not anchor and inside[0].strip()[:1] not in ("", "#") and draw(st.booleans()):
        return [
            f"-{' ' * (step - 1)}{inside[0][indent + step - 1 :]}" if step > 1 else f"- {inside[0].strip()}",
            *inside[1:],
        ]
    return [f"{head} {anchor}{draw(_beside())}", *draw(_comment_lines(indent + 2)), *inside]


@st.composite
def yaml_texts(draw: st.DrawFn) -> str:
    """One to three documents; most of them are YAML that a runbook may consist of."""
    documents = []
    for at in range(draw(st.integers(1, 3))):
        marker = ["---" + draw(_beside())] if at or draw(st.booleans()) else []
        documents += [*draw(_comment_lines(0)), *marker, *draw(_comment_lines(0)), *draw(_block(0, 3))]
        documents += draw(_comment_lines(0))
    end = draw(st.sampled_from(["\n", "\n", "\n", "\r\n", "\r"]))
    text = end.join(line.replace("\n", end) for line in documents)
    return draw(st.sampled_from(["", "", "", "\ufeff"])) + text + draw(st.sampled_from(["", end, end * 3]))
