import re2
from hypothesis import example, given, settings
from hypothesis import strategies as st

from meshsplit.istio.rules.re2 import why_not_re2

QUIET = re2.Options()
QUIET.log_errors = False

PIECES = [
    *("a", "b", "é", " ", "-", "/", ".", "^", "$", "|", "\n"),
    *("(", ")", "(?:", "(?P<n>", "(?<n>", "(?P<m>", "(?i)", "(?i:", "(?s-i:", "(?-i)", "(?-)", "(?)"),
    *("(?=", "(?!", "(?<=", "(?<!", "(?>", "(?x)", "(?#c)", "(?P=n)", "(?(1)a|b)"),
    *("*", "+", "?", "*?", "*+", "{", "}", "{2}", "{2,}", "{2,5}", "{,5}", "{3,2}", "{100}", "{1001}", "{0}"),
    *(
        "[",
        "]",
        "[]",
        "[^",
        "[a-z]",
        "[z-a]",
        "[^]a]",
        "[]-a]",
        "[a-\\d]",
        "[\\d-z]",
        "[a-]",
        "[-a]",
        "[--/]",
    ),
    *(
        "[[:alpha:]]",
        "[[:^digit:]a]",
        "[[:nope:]]",
        "[\\w.-]",
        "[a-b-c]",
        "[\\]]",
        "[\\b]",
        "[a\\-z]",
        "[[a]",
    ),
    *(
        "\\",
        "\\d",
        "\\b",
        "\\B",
        "\\A",
        "\\z",
        "\\Z",
        "\\C",
        "\\Q",
        "\\E",
        "\\pL",
        "\\p{Greek}",
        "\\p{^Greek}",
    ),
    *("\\1", "\\12", "\\0", "\\07", "\\8", "\\x41", "\\x4", "\\x{41}", "\\x{110000}", "\\u0041", "\\N{DASH}"),
    *("\\.", "\\-", "\\_", "\\é", "\\e", "\\ ", "\\/"),
]


def is_re2(regex: str) -> bool:
    try:
        re2.compile(regex, QUIET)
    except re2.error:
        return False
    return True


@settings(max_examples=3000)
@given(st.lists(st.sampled_from(PIECES), max_size=7).map("".join))
@example("(a{100}){100}")
@example("(?:[0-2]|3[0-2]|33[0-2]).*")
@example("")
@example("(?P<n>a)(?P<n>b)")
def test_the_check_agrees_with_re2(regex: str) -> None:
    assert (why_not_re2(regex) is None) == is_re2(regex)


@settings(max_examples=500)
@given(st.text(max_size=12))
def test_no_text_makes_the_check_fail(regex: str) -> None:
    why_not_re2(regex)
