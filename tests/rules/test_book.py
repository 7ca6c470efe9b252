"""The rule book: loading, finding, changing, saving."""

import pytest

from fluo_lab.errors import RuleFileError, UsageError
from fluo_lab.rules import Rule, RuleBook, check
from fluo_lab.traces import PlainSpan, traces_from_spans

HEAD = "# mine\nrules:\n"


def item(rule_id, *, more=""):
    fields = "name: n  # keep\n    severity: low\n    condition: trace.has(a) and trace.has(b)\n"
    return f"  - id: {rule_id}\n    {fields}{more}"


def file(tmp_path, name="r.yaml", *ids):
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(HEAD + "".join(item(i) for i in ids or ("one", "two")))
    return path


def new(rule_id="new"):
    return Rule("trace.has(x) and trace.has(y)", id=rule_id)


def test_a_book_is_a_sequence_found_by_id(tmp_path):
    book = RuleBook.load(file(tmp_path))
    assert [rule.id for rule in book] == ["one", "two"]
    assert len(book) == 2
    assert book[1] is book.get("two")
    with pytest.raises(UsageError, match="did you mean 'one'"):
        book.get("onne")


def test_a_folder_is_searched_in_order_of_name(tmp_path):
    file(tmp_path, "b.yaml", "bb")
    file(tmp_path, "a.yml", "aa")
    file(tmp_path, ".hidden.yaml", "hh")
    file(tmp_path, "deep/c.yaml", "cc")
    (tmp_path / "notes.txt").write_text("no rules")
    assert [rule.id for rule in RuleBook.load(tmp_path)] == ["aa", "bb", "cc"]


def test_a_file_named_twice_is_read_once(tmp_path):
    path = file(tmp_path)
    assert len(RuleBook.load([path, tmp_path, str(path)])) == 2


def test_a_folder_without_rule_files_is_an_error(tmp_path):
    with pytest.raises(RuleFileError, match="no rule files"):
        RuleBook.load(tmp_path)


def test_one_bad_path_does_not_lose_the_others(tmp_path):
    book, problems = RuleBook.read([tmp_path / "none.yaml", file(tmp_path)])
    assert len(book) == 2
    assert [d.code for d in problems] == ["FL501"]


def test_an_id_in_two_files_names_both(tmp_path):
    first, second = file(tmp_path, "a.yaml", "one"), file(tmp_path, "b.yaml", "one")
    with pytest.raises(RuleFileError) as caught:
        RuleBook.load(tmp_path)
    (found,) = caught.value.diagnostics
    assert (found.path, found.line, found.column) == (second.as_posix(), 3, 9)
    assert f"{first.as_posix()}, line 3" in found.message


def test_a_disabled_rule_keeps_its_place_but_is_not_among_the_enabled(tmp_path):
    path = tmp_path / "r.yaml"
    path.write_text(HEAD + item("one", more="    enabled: false\n") + item("two"))
    book = RuleBook.load(path)
    assert [rule.id for rule in book] == ["one", "two"]
    assert [rule.id for rule in book.enabled] == ["two"]


def test_a_change_makes_another_book(tmp_path):
    book = RuleBook.load(file(tmp_path))
    assert [rule.id for rule in book.add(new())] == ["one", "two", "new"]
    assert [rule.id for rule in book.remove("one")] == ["two"]
    assert book.replace(new("one")).get("one").condition.startswith("trace.has(x)")
    assert [rule.id for rule in book] == ["one", "two"]


def test_an_id_is_taken_once_and_must_be_usable():
    with pytest.raises(UsageError, match="two rules"):
        RuleBook([new(), new()])
    with pytest.raises(UsageError, match="a-z"):
        RuleBook([new("No Good")])


def test_a_new_file_reads_back_as_the_same_rules(tmp_path):
    book = RuleBook([new("aa"), new("bb")])
    path = book.save(tmp_path / "new.yaml")
    assert [rule.text for rule in RuleBook.load(path)] == [rule.text for rule in book]


def test_saving_twice_edits_the_file_it_wrote(tmp_path):
    path = tmp_path / "new.yaml"
    book = RuleBook([new("aa")])
    book.save(path)
    path_again = book.add(new("bb")).save(path)
    assert [rule.id for rule in RuleBook.load(path_again)] == ["aa", "bb"]


def test_saving_keeps_comments_and_other_lines(tmp_path):
    path = file(tmp_path)
    before = path.read_text()
    RuleBook.load(path).add(new()).remove("two").save(path)
    after = path.read_text()
    assert after.startswith(before[: before.index("  - id: two")])
    assert [rule.id for rule in RuleBook.load(path)] == ["one", "new"]
    assert [p.name for p in tmp_path.iterdir()] == ["r.yaml"]


def test_saving_an_unchanged_book_changes_nothing(tmp_path):
    path = file(tmp_path)
    before = path.read_bytes()
    RuleBook.load(path).save(path)
    assert path.read_bytes() == before


def test_a_file_that_changed_on_disk_is_not_overwritten(tmp_path):
    path = file(tmp_path)
    book = RuleBook.load(path)
    path.write_text(path.read_text() + "# somebody else\n")
    with pytest.raises(UsageError, match="changed on disk"):
        book.add(new()).save(path)
    assert path.read_text().endswith("# somebody else\n")


def test_an_older_book_does_not_undo_what_a_newer_one_saved(tmp_path):
    path = file(tmp_path)
    book = RuleBook.load(path)
    book.add(new()).save(path)
    with pytest.raises(UsageError, match="changed on disk"):
        book.add(new("other")).save(path)


def test_a_file_the_book_was_not_read_from_is_not_overwritten(tmp_path):
    path = file(tmp_path)
    with pytest.raises(UsageError, match="not read from it"):
        RuleBook([new()]).save(path)


def test_a_book_of_several_files_is_not_saved_into_one_of_them(tmp_path):
    first = file(tmp_path, "a.yaml", "aa")
    file(tmp_path, "b.yaml", "bb")
    with pytest.raises(UsageError, match="2 files"):
        RuleBook.load(tmp_path).save(first)


def test_a_folder_that_is_not_there_is_a_usage_error(tmp_path):
    with pytest.raises(UsageError, match="cannot be written"):
        RuleBook([new()]).save(tmp_path / "none" / "r.yaml")


def test_the_good_rules_of_a_bad_file_can_be_edited_and_saved(tmp_path):
    path = tmp_path / "r.yaml"
    path.write_text(HEAD + item("one") + "  - id: bad\n    condition: nonsense  # keep me\n")
    book, problems = RuleBook.read(path)
    assert problems
    book.add(new()).save(path)
    assert "nonsense  # keep me" in path.read_text()
    assert [rule.id for rule in RuleBook.read(path)[0]] == ["one", "new"]


def test_a_book_checks_traces(tmp_path):
    traces = traces_from_spans([PlainSpan("a")])
    result = check(RuleBook.load(file(tmp_path)), traces)
    assert [r.counts.violation for r in result] == [1, 1]
    assert result.verdicts().height == 2


def test_parameters_given_from_outside_go_before_those_in_the_file(tmp_path):
    path = tmp_path / "r.yaml"
    condition = "trace.count(a) > $n and trace.count(b) < $m"
    path.write_text(HEAD + item("one", more="    params: {n: 1}\n").replace("trace.has(a) and trace.has(b)", condition))
    book = RuleBook.load(path, params={"n": 7, "m": 9, "other": 1})
    assert book[0].params == {"n": 7, "m": 9}
    with pytest.raises(RuleFileError, match="unbound parameter"):
        RuleBook.load(path)
