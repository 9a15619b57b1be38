"""The installed programs, as a shell or kubectl runs them."""

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import termios
import time
from array import array
from pathlib import Path

import pytest

PROGRAMS = Path(sys.executable).parent
MESHSPLIT = PROGRAMS / "meshsplit"
SECONDS = 60

MEMBER = """\
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata:
  name: mnist-v%(number)d
  namespace: models
  labels:
    serving.kserve.io/model-tag: mnist
  annotations:
    serving.kserve.io/canaryTrafficPercent: "70"
"""


def run(
    *arguments: str, program: Path = MESHSPLIT, stdin: str | None = None, **env: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [program, *arguments],
        input=stdin,
        stdin=subprocess.DEVNULL if stdin is None else None,
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
        env={**os.environ, **env},
    )


@pytest.fixture
def members(tmp_path: Path) -> Path:
    file = tmp_path / "members.yaml"
    file.write_text("---\n".join(MEMBER % {"number": number} for number in (1, 2)))
    return file


def test_help_shows_the_name_it_was_called_by() -> None:
    assert run("--help").stdout.startswith("Usage: meshsplit [OPTIONS]")
    assert run("--help", program=PROGRAMS / "kubectl-meshsplit").stdout.startswith(
        "Usage: kubectl meshsplit "
    )
    assert run("-m", "meshsplit", "--help", program=Path(sys.executable)).stdout.startswith(
        "Usage: python -m meshsplit "
    )


def test_kubectl_calls_lead_to_kubectl_calls() -> None:
    result = run("explain", "MSP101", program=PROGRAMS / "kubectl-meshsplit")
    assert result.stdout.endswith("Next: kubectl meshsplit lint DIR\n")


COMPLETE = "import sys; from meshsplit.cli.completion import complete_main; sys.exit(complete_main())"


def test_kubectl_completes_through_the_plugin() -> None:
    result = run("-c", COMPLETE, "explain", "MSP10", program=Path(sys.executable))
    lines = result.stdout.splitlines()
    assert result.returncode == 0
    assert lines[0].startswith("MSP101\t")
    assert lines[-1] == ":4"


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash here")
def test_bash_completes_verbs_with_the_script() -> None:
    script = run("completion", "bash").stdout
    words = 'COMP_WORDS=(meshsplit li); COMP_CWORD=1; _meshsplit_completion meshsplit; echo "${COMPREPLY[@]}"'
    path = f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}"
    done = run("-c", f"{script}\n{words}", program=Path("bash"), PATH=path)
    assert done.stdout.splitlines()[-1] == "lint"


def test_without_input_it_says_what_to_pass() -> None:
    for verb in (["lint"], ["render"], ["diff", "--against", os.devnull]):
        result = run(*verb)
        assert result.returncode == 2
        assert result.stdout == ""
        assert result.stderr.startswith("error: no manifests: name files or folders, pipe them in, or read a")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["lint", "-o", "xml"], "Next: meshsplit lint --help"),
        (["lint", "--fail-on", "never"], "Next: meshsplit lint --help"),
        (["nonsense"], "Next: meshsplit --help"),
        (["render", "--weights"], "Next: meshsplit --help"),
        (["completion", "csh"], "Next: meshsplit completion --help"),
        (["diff", "."], "Next: meshsplit diff --help"),
        (["diff", ".", "--live", "--against", "."], "Next: meshsplit diff --help"),
        (["lint", "--live", "--offline"], "Next: meshsplit lint --help"),
        (["get", "--kubeconfig", "nothing-here"], "Next: kubectl config get-contexts"),
    ],
)
def test_a_wrong_call_is_exit_2_and_names_the_help(arguments: list[str], told: str) -> None:
    result = run(*arguments)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("error: ")
    assert result.stderr.splitlines()[-1] == told


def test_without_arguments_it_shows_its_help_and_is_exit_2() -> None:
    result = run()
    assert result.returncode == 2
    assert "Usage: meshsplit" in result.stderr
    assert "error:" not in result.stderr


def test_lint_of_a_pipe(members: Path) -> None:
    result = run("lint", stdin=members.read_text())
    assert result.returncode == 1
    assert result.stdout.startswith("-:9:45: error MSP101 ") or "error MSP101" in result.stdout
    assert result.stderr == ""


def test_a_closed_pipe_is_no_error_and_keeps_the_exit_code(members: Path) -> None:
    """`meshsplit lint … | head -1`: the reader leaves, the answer's exit code stays."""
    read_end, write_end = os.pipe()
    os.close(read_end)
    with os.fdopen(write_end, "w") as nobody:
        done = subprocess.run(
            [MESHSPLIT, "lint", members], stdout=nobody, stderr=subprocess.PIPE, check=False, timeout=SECONDS
        )
    assert (done.returncode, done.stderr) == (1, b"")


def test_a_closed_pipe_is_no_error_for_the_help_either() -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    with os.fdopen(write_end, "w") as nobody:
        done = subprocess.run(
            [MESHSPLIT, "--help"], stdout=nobody, stderr=subprocess.PIPE, check=False, timeout=SECONDS
        )
    assert done.stderr == b""


def test_interrupting_is_exit_130_without_a_traceback() -> None:
    read_end, write_end = os.pipe()
    os.write(write_end, b"#")
    with (
        os.fdopen(read_end) as pipe,
        subprocess.Popen(
            [MESHSPLIT, "lint", "-"], stdin=pipe, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process,
    ):
        wait_until_read(read_end)
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=SECONDS)
    os.close(write_end)
    assert process.returncode == 130
    assert stdout == ""
    assert "Traceback" not in stderr


def wait_until_read(read_end: int) -> None:
    """Wait until the pipe is empty: its reader is past the interpreter's start and waits for more."""
    deadline = time.monotonic() + SECONDS
    waiting = array("i", [1])
    while waiting[0]:
        assert time.monotonic() < deadline, "the process never read its input"
        fcntl.ioctl(read_end, termios.FIONREAD, waiting)


BUG = """\
import sys
from meshsplit.cli import main
def command(**_):
    raise RuntimeError("first\\nsecond")
main.cli.callback = command
main.cli.invoke = lambda _: command()
sys.argv = ["meshsplit", "version"]
sys.exit(main.main())
"""


def test_a_bug_is_one_line_unless_the_traceback_is_asked_for() -> None:
    result = run("-c", BUG, program=Path(sys.executable))
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == "bug: RuntimeError: first\\nsecond, rerun with MESHSPLIT_TRACEBACK=1\n"
    result = run("-c", BUG, program=Path(sys.executable), MESHSPLIT_TRACEBACK="1")
    assert result.returncode == 2
    assert result.stderr.startswith("Traceback (most recent call last):")


WITHOUT_PYDANTIC = """\
import sys
sys.modules["pydantic"] = None
from meshsplit.cli.main import main
sys.argv = ["meshsplit", *sys.argv[1:]]
sys.exit(main())
"""


def test_a_missing_package_is_named_and_stops_only_the_verbs_that_need_it(members: Path) -> None:
    python = Path(sys.executable)
    lint = run("-c", WITHOUT_PYDANTIC, "lint", str(members), program=python)
    assert lint.returncode == 2
    assert lint.stderr == "error: this needs the package pydantic: pip install 'meshsplit[local]'\n"
    assert run("-c", WITHOUT_PYDANTIC, "version", program=python).returncode == 0


def test_file_names_and_values_that_are_no_text_break_nothing(tmp_path: Path) -> None:
    name = os.fsdecode(b"\xff\x1b[2J.yaml")
    (tmp_path / name).write_bytes(b"kind: \xff\xfe\n")
    for output in ("text", "json", "yaml", "github", "sarif", "junit"):
        result = run("lint", str(tmp_path), "-o", output)
        assert result.returncode == 1, result.stderr
        assert "\x1b" not in result.stdout
        assert "MSP001" in result.stdout


def test_messages_are_plain_ascii_where_the_terminal_is(members: Path) -> None:
    result = run("lint", str(members), PYTHONIOENCODING="ascii")
    assert result.returncode == 1
    assert result.stdout.isascii()


def test_an_external_diff_is_run_on_two_folders(tmp_path: Path, members: Path) -> None:
    live = tmp_path / "live.yaml"
    live.write_text(
        "apiVersion: networking.istio.io/v1\nkind: VirtualService\n"
        "metadata: {name: ../x, namespace: models, labels: {app.kubernetes.io/managed-by: meshsplit}}\n"
    )
    arguments = ("diff", str(members), "--against", str(live), "-o", "unified")
    result = run(*arguments, KUBECTL_EXTERNAL_DIFF="diff -r")
    assert result.returncode == 1
    assert "VirtualService.models..._x.yaml" in result.stdout
    missing = run(*arguments, KUBECTL_EXTERNAL_DIFF="no-such-program")
    assert missing.returncode == 2
    assert "no-such-program" in missing.stderr


def test_a_process_without_standard_streams_is_no_bug(members: Path) -> None:
    for redirection, code in (("<&-", 2), (">&-", 1), ("2>&-", 1), ("<&- >&- 2>&-", 1)):
        arguments = [members] if code == 1 else []
        command = f'exec "$0" "$@" {redirection}'
        done = run("-c", command, str(MESHSPLIT), "lint", *map(str, arguments), program=Path("sh"))
        assert done.returncode == code, done.stderr
        assert "bug:" not in done.stderr


def test_kustomize_builds_what_is_read(tmp_path: Path, members: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    kustomize = programs / "kustomize"
    kustomize.write_text(f"#!/bin/sh\ncat {members}\n")
    kustomize.chmod(0o755)
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    result = run("lint", "-k", str(tmp_path), PATH=path)
    assert result.returncode == 1
    assert "error MSP101" in result.stdout
    assert "Checked 2 documents in 1 file" in result.stdout
    kustomize.write_text("#!/bin/sh\necho no such overlay >&2\nexit 1\n")
    failed = run("lint", "-k", str(tmp_path), PATH=path)
    assert failed.returncode == 2
    assert "no such overlay" in failed.stderr
