# SPDX-License-Identifier: Apache-2.0
"""Lists in the pages equal those of the code: what is not there yet, reasons of errors."""

import re

from pages import README, ROOT, section, spans, text_of

NOT_THERE = "What is not there yet"


def rpcs_of_the_protos():
    """(every rpc, those whose comment is that they are not there)."""
    every, absent = set(), set()
    for proto in sorted((ROOT / "proto/pintle/v1").glob("*.proto")):
        comment = ""
        for line in text_of(proto).splitlines():
            if line.strip().startswith("//"):
                comment += line.strip(" /") + " "
                continue
            found = re.match(r"\s+rpc (\w+)\(", line)
            if found:
                every.add(found[1])
                if re.search(r"UNIMPLEMENTED: NOT_YET\.", comment):
                    absent.add(found[1])
            comment = ""
    assert every and absent
    return every, absent


def rpcs_that_answer_not_yet():
    found = set()
    for source in (ROOT / "services").glob("*/*.cc"):
        text = text_of(source)
        found.update(re.findall(r'NotYet\(\*?context, "(\w+)"\)', text))
        found.update(re.findall(r'kNotYet, "(\w+) is not there yet"', text))
    assert found
    return found


def rpcs_of_the_readme():
    every, _ = rpcs_of_the_protos()
    # `Generate` is named for two of its fields.
    return set(spans(section(text_of(README), NOT_THERE))) & every - {"Generate"}


def test_the_readme_lists_the_calls_that_the_services_refuse():
    assert rpcs_of_the_readme() == rpcs_that_answer_not_yet()


def test_the_protos_say_so_of_the_same_calls():
    assert rpcs_of_the_protos()[1] == rpcs_that_answer_not_yet()


def test_the_readme_lists_what_the_process_tests_assert():
    asserted = text_of(ROOT / "tests/e2e/test_turns.py")
    asserted = asserted[: asserted.index("def test_what_is_not_there_yet_says_so")]
    asserted = asserted[asserted.rindex("@pytest.mark.parametrize") :]
    names = set(re.findall(r'\("\w+", "(\w+)", \{', asserted)) - {"Generate"}
    assert names and names <= rpcs_of_the_readme()
    text = section(text_of(README), NOT_THERE)
    for field in ("resume_from_index", "CONTINUE"):
        assert field in asserted and field in text


def test_the_api_page_has_a_next_move_for_every_reason():
    page = text_of(ROOT / "docs/api.md")
    rows = re.findall(r"^\| ([A-Z_]+) \| ([A-Z_, ]+) \|", page, re.MULTILINE)
    told = {(reason, code) for code, reasons in rows for reason in reasons.split(", ")}
    text = text_of(ROOT / "contract/errors.cc")
    aliases = dict(re.findall(r"StatusCode (k\w+) = absl::StatusCode::(k\w+);", text))
    row = r'ReasonRow\{Reason::k\w+, "([A-Z_]+)",\s*(?:absl::StatusCode::)?(k\w+)\}'
    made = re.findall(row, text)
    assert made

    def canonical(name):
        return re.sub(r"(?<!^)([A-Z])", r"_\1", aliases.get(name, name)[1:]).upper()

    assert told == {(reason, canonical(code)) for reason, code in made}
