"""Only a report is ever replaced, and it is replaced whole."""

import pytest

from bench.errors import StoreError
from bench.page.folder import MARK, replaced_folder


def write(path, text):
    with replaced_folder(path) as new:
        (new / "index.html").write_text(text)


def test_a_report_takes_the_place_of_a_report(tmp_path):
    path = tmp_path / "deep" / "report"
    for text in ("old", "new"):
        write(path, text)
        assert (path / "index.html").read_text() == text
    assert sorted(each.name for each in path.iterdir()) == ["index.html", MARK]
    assert [each.name for each in path.parent.iterdir()] == ["report"]


def test_an_empty_folder_is_taken(tmp_path):
    (tmp_path / "report").mkdir()
    write(tmp_path / "report", "new")
    assert (tmp_path / "report" / "index.html").exists()


@pytest.mark.parametrize("marked", [False, True])
def test_what_is_not_a_report_is_left_as_it_is(tmp_path, marked):
    path = tmp_path / "report"
    path.mkdir()
    (path / "thesis.txt").write_text("years of work")
    if marked:
        (path / MARK).touch()
    with pytest.raises(StoreError, match=r"report is not a report \(thesis.txt in it\) and is left"):
        write(path, "new")
    assert (path / "thesis.txt").read_text() == "years of work"


def test_a_page_without_the_mark_is_not_ours(tmp_path):
    (tmp_path / "index.html").write_text("my own")
    with pytest.raises(StoreError, match="no mark of a report"):
        write(tmp_path, "new")


def test_a_file_and_a_link_are_left_as_they_are(tmp_path):
    (tmp_path / "file").write_text("a file")
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "there")
    for name in ("file", "link"):
        with pytest.raises(StoreError, match="is not a folder"):
            write(tmp_path / name, "new")
    assert (tmp_path / "file").read_text() == "a file"


def test_a_failure_leaves_the_old_report(tmp_path):
    path = tmp_path / "report"
    write(path, "old")

    def fail():
        with replaced_folder(path) as new:
            (new / "index.html").write_text("half a pa")
            raise OSError(28, "No space left on device")

    with pytest.raises(StoreError, match="No space left on device"):
        fail()
    assert (path / "index.html").read_text() == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["report"]
