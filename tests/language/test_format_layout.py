"""The house form of one thing at a time: brackets, quotes, long texts, comments and blank lines."""

from __future__ import annotations

from textwrap import dedent

import pytest

from stanch.language.format.layout import WIDEST
from tests.language.house_form import formatted, in_house_form

# --- flow and block ---------------------------------------------------------------------------------------


def test_a_flat_mapping_or_list_in_brackets_stays_if_it_is_short() -> None:
    text = 'a: {type: string, pattern: "^[a-z]$"}\nb: [x, "${{ y }}", --z]\nc: {}\nd: []\n'
    assert formatted(text) == text


def test_in_brackets_there_is_one_space_behind_a_comma_and_a_colon() -> None:
    assert formatted('a: { "b":1 ,c:   2, }\nd: [ e,f ]\n') == 'a: {"b": 1, c: 2}\nd: [e, f]\n'


@pytest.mark.parametrize(("extra", "stays"), [(0, True), (1, False)])
def test_brackets_stay_up_to_the_widest_line(extra: int, stays: bool) -> None:
    word = "x" * (WIDEST - len("  a: [b, ]") + extra)
    text = f"k:\n  a: [b, {word}]\n"
    assert formatted(text) == (text if stays else f"k:\n  a:\n    - b\n    - {word}\n")


def test_a_mapping_with_an_expression_comes_out_of_its_braces() -> None:
    assert in_house_form("""\
        steps:
          - id: a
            outputs: {rate: "result[0].x"}
            env: {A: "${{ inputs.b }}"}
            revert: {after: 20m, approval: role}
        """) == dedent("""\
        steps:
          - id: a
            env:
              A: "${{ inputs.b }}"
            outputs:
              rate: result[0].x
            revert: {after: 20m, approval: role}
        """)


def test_mappings_in_lists_and_nested_brackets_become_blocks() -> None:
    assert in_house_form("""\
        kind: x
        links: [{title: a, url: b}]
        inputs: {x: {type: array, items: {type: string}}}
        lists: [[a, b], [], [c, [d]], [e: f]]
        require:
          - {that: a, else: b}
        """) == dedent("""\
        kind: x
        links:
          - title: a
            url: b
        inputs:
          x:
            type: array
            items: {type: string}
        lists:
          - [a, b]
          - []
          - - c
            - [d]
          - - e: f
        require:
          - that: a
            else: b
        """)


def test_a_whole_runbook_in_braces_becomes_a_block() -> None:
    assert formatted('{"kind": "x", "steps": [{"id": "a"}]}') == '"kind": "x"\n"steps":\n  - "id": "a"\n'


def test_indentation_is_two_spaces_and_lists_are_indented() -> None:
    assert formatted("a:\n- b:\n      c: d\n-   - e\n    - f\n") == (
        "a:\n  - b:\n      c: d\n  - - e\n    - f\n"
    )


def test_a_value_on_the_line_below_its_key_comes_up() -> None:
    assert formatted("a:\n  b\nc:\n  [d]\ne: # f\n  g\n") == "a: b\nc: [d]\ne: g  # f\n"


# --- quotes -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "house"),
    [
        ('"result.value > 0.0"', "result.value > 0.0"),
        ("'a[0] == {}'", "a[0] == {}"),
        ('"!a"', '"!a"'),
        ("'!a'", '"!a"'),
        ('"a ? b : c"', '"a ? b : c"'),
        ("\"a + ': ' + b\"", "\"a + ': ' + b\""),
        ("'\"x\" in a'", "'\"x\" in a'"),
        ('"\\"x\\" in a"', "'\"x\" in a'"),
        ('"[\'a\', \\"b\\"]"', "'[''a'', \"b\"]'"),
        ('"[a]"', '"[a]"'),
        ("'!a(''b'', ''c'', \"d\")'", "\"!a('b', 'c', \\\"d\\\")\""),
        ('"a #b"', '"a #b"'),
        ('"a:"', '"a:"'),
        ('"true"', '"true"'),
        ("'5'", '"5"'),
        ("'1.0'", '"1.0"'),
        ("'null'", '"null"'),
        ('""', '""'),
        ("' a'", '" a"'),
        ('"a\\tb"', '"a\\tb"'),
        ("'-1 < a'", "-1 < a"),
        ("'- a'", '"- a"'),
        ("true", "true"),
        ("'${{ a }}'", '"${{ a }}"'),
    ],
)
def test_bare_cel_has_quotes_only_where_yaml_needs_them(written: str, house: str) -> None:
    assert formatted(f"steps:\n  - until: {written}\n") == f"steps:\n  - until: {house}\n"


@pytest.mark.parametrize(
    ("written", "house"),
    [
        ("${{ a }}", '"${{ a }}"'),
        ("'${{ a }}'", '"${{ a }}"'),
        ("'${{ a(''b'') }}'", "\"${{ a('b') }}\""),
        ('"${{ a[\\"b\\"] }}"', "'${{ a[\"b\"] }}'"),
        ("'${{ a[\"b\"] }}'", "'${{ a[\"b\"] }}'"),
        ("'\\d ${{ a }}'", "'\\d ${{ a }}'"),
        ('"\\u00e9 ${{ a }}"', '"\\u00e9 ${{ a }}"'),
    ],
)
def test_a_text_with_an_expression_is_in_double_quotes_unless_it_has_some(written: str, house: str) -> None:
    assert formatted(f"a: {written}\nb: c\n") == f"a: {house}\nb: c\n"


def test_other_texts_keep_their_quotes() -> None:
    text = "a: 'b'\nc: \"d\"\ne: f\n'g': \"5\"\nh: 0o17\ni: ~\nj:\n"
    assert formatted(text) == text


def test_long_texts_stay_as_they_were_written_at_their_new_depth() -> None:
    assert in_house_form("""\
        a:
            b: |
               one
                 two

               three
            c: >-
               one
               # no comment


            d: |4-
                 deep
            e: one
               two
            f: "one \\
               two"
        """) == dedent("""\
        a:
          b: |
            one
              two

            three
          c: >-
            one
            # no comment

          d: |2-
             deep
          e: one
            two
          f: "one \\
            two"
        """)


def test_a_blank_that_is_escaped_before_the_end_of_a_line_stays() -> None:
    assert formatted('a: "b\\ \n     c  \n     d"\n') == 'a: "b\\ \n  c\n  d"\n'


def test_blank_lines_that_are_text_stay_and_get_no_company() -> None:
    text = "steps:\n  - id: a\n    script: |+\n      x\n\n\n  - id: b\n  - id: c\n"
    assert formatted(text + "\n  - id: d\n") == (
        "steps:\n  - id: a\n    script: |+\n      x\n\n\n  - id: b\n\n  - id: c\n\n  - id: d\n"
    )


def test_a_text_that_ended_with_the_file_does_not_gain_a_line_break() -> None:
    assert formatted("b: |\n  x") == "b: |-\n  x\n"


# --- comments and blank lines ------------------------------------------------------------------------------


def test_comments_move_with_the_key_below_or_beside_them() -> None:
    assert in_house_form("""\
        kind: x
        # above the steps
        steps:  # beside the steps
            # above the title
          - title: t   # beside the title
            # above the id
            id: a
        # above the owner

        owner: o # beside the owner
        runbook: r
        """) == dedent("""\
        runbook: r
        kind: x
        # above the owner

        owner: o  # beside the owner
        # above the steps
        steps:  # beside the steps
          # above the title
          # above the id
          - id: a
            title: t  # beside the title
        """)


def test_what_stands_on_top_of_a_file_stays_there_whichever_key_comes_first() -> None:
    assert in_house_form("""\
        # yaml-language-server: $schema=x.json
        # from somewhere

        # the kind
        kind: x
        runbook: r
        """) == dedent("""\
        # yaml-language-server: $schema=x.json
        # from somewhere

        # the kind
        runbook: r
        kind: x
        """)


def test_a_comment_at_the_end_of_a_block_stays_in_it() -> None:
    text = dedent("""\
        kind: x
        steps:
          - id: a
            outputs:
              b: c
              # of the outputs
            # of the step
          # of the steps

        # of what follows
        outputs:
          d: e
          # of these outputs
        # of the file
        """)
    assert formatted(text) == text


def test_in_a_list_that_is_not_indented_a_comment_belongs_to_what_follows() -> None:
    assert formatted("a:\n- b\n# c\nd: e\n") == "a:\n  - b\n# c\nd: e\n"


def test_the_comment_of_a_mapping_in_braces_is_that_of_its_key_or_item() -> None:
    assert in_house_form("""\
        kind: x
        done: {ssh: {hosts: [a]}}      # EXT-1
        links:
          - {title: a, url: b}   # the first
        """) == dedent("""\
        kind: x
        done:  # EXT-1
          ssh:
            hosts: [a]
        links:
          # the first
          - title: a
            url: b
        """)


def test_comments_inside_of_brackets_make_a_block_of_them() -> None:
    assert in_house_form("""\
        a: [ # open
          b, # first
          # own
          c # second
          # end
        ] # close
        d: {
          e: f, # g
        }
        """) == dedent("""\
        a:  # open
          - b  # first
          # own
          - c  # second
          # end
          # close
        d:
          e: f  # g
        """)


def test_aligned_comments_stay_aligned_where_their_lines_stay() -> None:
    text = dedent("""\
        kind: x            # one |
                           # and more
        owner: {a: b}      # two
        """)
    assert formatted(text) == text


def test_a_comment_that_goes_on_follows_the_line_that_it_stands_behind() -> None:
    assert formatted("k: {a: {b: c}} # one\n               # two\nd: e\n") == (
        "k:  # one\n    # two\n  a: {b: c}\nd: e\n"
    )


def test_one_blank_line_stays_and_more_become_one() -> None:
    assert formatted("\n\na: b\n\n\n\nc:\n\n  d: e\n\n\n\n") == "a: b\n\nc:\n  d: e\n"


def test_a_blank_line_between_two_steps_is_wanted_between_all() -> None:
    assert formatted("steps:\n  - id: a\n  - id: b\n\n  - id: c\n  # d\n  - id: d\n") == (
        "steps:\n  - id: a\n\n  - id: b\n\n  - id: c\n\n  # d\n  - id: d\n"
    )


def test_without_a_blank_line_between_steps_none_is_added() -> None:
    text = "steps:\n  - id: a\n  - id: b\n    steps:\n      - id: c\n\n      - id: d\n      - id: e\n"
    assert formatted(text) == text
