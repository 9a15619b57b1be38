"""Files, folders and stdin as one input."""

import io
import os
import sys
from pathlib import Path

import pytest

from meshsplit.manifests import ReadResult
from meshsplit.manifests.files import UnreadableInput, read_kustomization, read_paths

POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: %s}\n"


def put(path: Path, name: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(POD % name)
    return path


def read(*paths: Path | str, stdin: str = "") -> ReadResult:
    return read_paths([str(path) for path in paths], io.StringIO(stdin), "default")


def names(result: ReadResult) -> list[str]:
    return [document.ref.name for document in result.documents]


def test_a_folder_is_read_with_what_is_below_it(tmp_path: Path) -> None:
    for name in ("b.yaml", "a.yml", "sub/deep/c.json", "sub/d.yaml"):
        put(tmp_path / name, Path(name).stem)
    for name in ("x.txt", ".hidden.yaml", ".git/y.yaml", "kustomization.yaml", "README"):
        put(tmp_path / name, "no")
    result = read(tmp_path)
    assert names(result) == ["a", "b", "c", "d"]
    assert [document.file for document in result.documents] == [
        str(tmp_path / name) for name in ("a.yml", "b.yaml", "sub/deep/c.json", "sub/d.yaml")
    ]
    assert result.findings == ()


def test_file_names_are_as_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path / "over/a.yaml", "a")
    monkeypatch.chdir(tmp_path)
    assert [document.file for document in read("./over").documents] == ["over/a.yaml"]
    assert [document.file for document in read(".").documents] == ["over/a.yaml"]


def test_a_file_that_is_named_is_read_whatever_its_name(tmp_path: Path) -> None:
    assert names(read(put(tmp_path / ".pod.txt", "a"))) == ["a"]


def test_stdin_is_a_dash(tmp_path: Path) -> None:
    result = read(put(tmp_path / "a.yaml", "a"), "-", "-", stdin=POD % "b" + "---\n5\n")
    assert names(result) == ["a", "b"]
    assert [(f.code, f.position and f.position.file) for f in result.findings] == [("MSP002", "-")]


def test_stdin_may_hold_bytes_that_are_not_utf8() -> None:
    stdin = io.TextIOWrapper(io.BytesIO(b"a: \xff\n---\n" + (POD % "a").encode()), encoding="utf-8")
    result = read_paths(["-"], stdin)
    assert names(result) == ["a"]
    assert [finding.code for finding in result.findings] == ["MSP001"]


def test_bytes_that_are_not_utf8_cost_one_document(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_bytes((POD % "a").encode() + b"---\na: caf\xe9\n---\n" + (POD % "b").encode())
    result = read(file)
    assert names(result) == ["a", "b"]
    assert [(f.code, f.position and f.position.line) for f in result.findings] == [("MSP001", 5)]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_another_encoding_is_a_finding(tmp_path: Path, encoding: str) -> None:
    file = tmp_path / "a.yaml"
    file.write_bytes((POD % "a").encode(encoding))
    findings = read(file).findings
    assert {finding.code for finding in findings} == {"MSP001"}
    assert "UTF-8" in findings[0].fix


def test_a_utf8_byte_order_mark_is_skipped(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_bytes(b"\xef\xbb\xbf" + (POD % "a").encode())
    assert names(read(file)) == ["a"]


def test_nothing_is_read_twice(tmp_path: Path) -> None:
    file = put(tmp_path / "a.yaml", "a")
    file.write_text("5\n")
    (tmp_path / "b.yaml").symlink_to(file)
    assert len(read(tmp_path, file, tmp_path, file).findings) == 1


def test_links_that_go_in_circles_end(tmp_path: Path) -> None:
    put(tmp_path / "a/a.yaml", "a")
    (tmp_path / "a/up").symlink_to(tmp_path)
    (tmp_path / "a/self").symlink_to(tmp_path / "a")
    assert names(read(tmp_path)) == ["a"]


def test_linked_folders_and_files_are_followed(tmp_path: Path) -> None:
    put(tmp_path / "real/..data/a.yaml", "a")
    (tmp_path / "mount").mkdir()
    (tmp_path / "mount/a.yaml").symlink_to(tmp_path / "real/..data/a.yaml")
    (tmp_path / "mount/more").symlink_to(put(tmp_path / "other/b.yaml", "b").parent)
    assert names(read(tmp_path / "mount")) == ["a", "b"]


def test_a_folder_without_manifests_is_a_note(tmp_path: Path) -> None:
    (finding,) = read(tmp_path).findings
    assert finding.code == "MSP004"
    assert finding.position is not None
    assert finding.position.file == str(tmp_path)


def test_a_path_that_does_not_exist_is_unreadable(tmp_path: Path) -> None:
    with pytest.raises(UnreadableInput) as caught:
        read(put(tmp_path / "a.yaml", "a"), tmp_path / "nope.yaml")
    assert caught.value.path == str(tmp_path / "nope.yaml")
    assert caught.value.reason == "no such file or directory"


@pytest.mark.parametrize("path", ["", "a\0b", "x" * 5000])
def test_a_path_that_cannot_exist_is_unreadable(path: str) -> None:
    with pytest.raises(UnreadableInput):
        read(path)


def test_a_dangling_or_circular_link_is_unreadable(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").symlink_to(tmp_path / "a.yaml")
    with pytest.raises(UnreadableInput):
        read(tmp_path)


def test_a_file_that_fails_while_it_is_read_is_unreadable() -> None:
    with pytest.raises(UnreadableInput, match="/proc/self/mem: input/output error"):
        read("/proc/self/mem")  # its first byte is never mapped; root may not read it either


def test_a_file_name_that_is_not_utf8_can_be_printed(tmp_path: Path) -> None:
    folder = os.fsencode(tmp_path)
    Path(os.fsdecode(folder + b"/\xff.yaml")).write_text("5\n")
    (finding,) = read(tmp_path).findings
    assert finding.position is not None
    assert finding.position.file.encode()


def fake_program(folder: Path, name: str, script: str) -> None:
    program = folder / name
    program.write_text(f"#!{sys.executable}\n{script}\n")
    program.chmod(0o755)


def test_a_kustomization_is_what_kustomize_builds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_program(tmp_path, "kustomize", f"import sys; print({POD % 'a'!r} + 'args: ' + str(sys.argv[1:]))")
    monkeypatch.setenv("PATH", str(tmp_path))
    document = read_kustomization("-overlay", "models").documents[0]
    assert document.ref.namespace == "models"
    assert document.body["args"] == ["build", "--", "-overlay"]
    assert "-overlay" in document.file


def test_kubectl_stands_in_for_kustomize(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_program(tmp_path, "kubectl", f"import sys; print({POD % 'a'!r} + 'args: ' + str(sys.argv[1:]))")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert read_kustomization("dir").documents[0].body["args"] == ["kustomize", "--", "dir"]


def test_a_failing_build_and_a_missing_program_are_unreadable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UnreadableInput, match="install"):
        read_kustomization("dir")
    fake_program(tmp_path, "kustomize", "import sys; sys.exit('no such thing')")
    with pytest.raises(UnreadableInput, match="no such thing"):
        read_kustomization("dir")
    (tmp_path / "kustomize").write_bytes(b"not a program")
    with pytest.raises(UnreadableInput, match="does not run"):
        read_kustomization("dir")
