"""The shell, script by script: what it writes, what it complains of, how it ends."""

from __future__ import annotations

import pytest

from tests.containers.box import Box
from tests.containers.conftest import busybox_layer
from unionfs_sim.containers.process import Process


@pytest.fixture
def box() -> Box:
    """Give a machine with a busybox."""
    return Box(busybox_layer())


#: Script, what it writes, its exit code.
SCRIPTS = [
    ("echo a b", "a b\n", 0),
    ("echo -n a; echo b", "ab\n", 0),
    ("echo 'a  b' \"c  d\" e\\ f", "a  b c  d e f\n", 0),
    ("true && echo yes || echo no", "yes\n", 0),
    ("false && echo yes || echo no", "no\n", 0),
    ("false; echo $?", "1\n", 0),
    ("exit 3", "", 3),
    ("(exit 4); echo $?", "4\n", 0),
    ("! true; echo $?", "1\n", 0),
    ("echo a > /f; cat /f; echo b >> /f; cat < /f", "a\na\nb\n", 0),
    ("for i in 1 2 3; do echo $i; done", "1\n2\n3\n", 0),
    ("for i in a b; do for j in c d; do echo $i$j; break; done; done", "ac\nbc\n", 0),
    ("i=0; while [ $i -lt 3 ]; do i=$((i+1)); echo $i; done", "1\n2\n3\n", 0),
    ("i=3; until [ $i -eq 0 ]; do i=$((i - 1)); done; echo $i", "0\n", 0),
    ("if [ -d /etc ]; then echo dir; else echo none; fi", "dir\n", 0),
    ("if false; then echo 1; elif true; then echo 2; fi", "2\n", 0),
    ("case abc in x) echo x;; a*|b) echo ab;; *) echo no;; esac", "ab\n", 0),
    ("A=1; B=$A$A; echo ${B}x ${C:-none} ${#B}", "11x none 2\n", 0),
    ("A=/a/b.tar.gz; echo ${A##*/} ${A%.*} ${A%%.*} ${A#*/}", "b.tar.gz /a/b.tar /a/b a/b.tar.gz\n", 0),
    ("A='x  y'; echo $A; echo \"$A\"", "x y\nx  y\n", 0),
    ("echo $(echo a; echo b)", "a b\n", 0),
    ("echo \"$(echo a; echo b)\"", "a\nb\n", 0),
    ("echo `echo x`$((2*3+1))", "x7\n", 0),
    ("echo '$A' \"\\$A\"", "$A $A\n", 0),
    ("cd /etc; pwd; ls *ss*", "/etc\npasswd\n", 0),
    ("echo /etc/gr* /no*thing", "/etc/group /no*thing\n", 0),
    ("echo '/etc/gr*' \"/etc/*\"", "/etc/gr* /etc/*\n", 0),
    ("echo one two | cat", "one two\n", 0),
    ("printf 'b\\na\\n' | sort | head -n 1", "a\n", 0),
    ("yes | head -n 2", "y\ny\n", 0),
    ("false | true; echo $?", "0\n", 0),
    ("cat <<EOF\nx $((1+1))\nEOF", "x 2\n", 0),
    ("cat <<'EOF'\nx $A\nEOF\necho end", "x $A\nend\n", 0),
    ("cat <<-EOF\n\tx\n\tEOF", "x\n", 0),
    ("f() { echo in $1; return 5; }; f a; echo $?", "in a\n5\n", 0),
    ("set -- a 'b c'; echo $#; for x in \"$@\"; do echo $x; done", "2\na\nb c\n", 0),
    ("set -- a b c; shift; echo $1 $*", "b b c\n", 0),
    ("{ echo a; echo b; } > /f; cat /f", "a\nb\n", 0),
    ("(cd /etc; A=2); pwd; echo ${A:-unset}", "/\nunset\n", 0),
    ("set -e; false; echo no", "", 1),
    ("set -e; false || true; if false; then :; fi; echo yes", "yes\n", 0),
    ("echo a >&2", "", 0),
    ("nosuch 2>/dev/null; echo $?", "127\n", 0),
    ("eval 'echo a; echo b'", "a\nb\n", 0),
    ("echo 'echo sourced $A' > /s; A=1; . /s", "sourced 1\n", 0),
    ("export A=1; env | grep ^A=", "A=1\n", 0),
    ("A=2 env | grep ^A=; echo ${A:-gone}", "A=2\ngone\n", 0),
    ("echo 'a:b' | { IFS=: read x y; echo $y $x; }", "b a\n", 0),
    ("printf 'a\\nb\\n' | while read x; do echo =$x; done", "=a\n=b\n", 0),
    ("sleep 1 & wait; echo done", "done\n", 0),
    ("echo a # comment", "a\n", 0),
    ("echo a \\\n b", "a b\n", 0),
    (": >> /g; [ -f /g ] && echo made", "made\n", 0),
    ("command -v sh; type cd", "/bin/sh\ncd is a shell builtin\n", 0),
    ("exec echo last; echo never", "last\n", 0),
    ("unset A; echo ${A=set} $A ${A+plus}", "set set plus\n", 0),
    ("echo ~ ~/x", "/home /home/x\n", 0),
    ("x=$(false); echo $?", "1\n", 0),
    ("IFS=,; set -- a b; echo \"$*\"", "a,b\n", 0),
    ("trap 'echo bye $?' EXIT; echo hi; exit 4", "hi\nbye 4\n", 4),
    ("[ a = a -a 1 -lt 2 ] && [ ! -e /none ] && test -n x; echo $?", "0\n", 0),
    ("echo \"a\nb\"", "a\nb\n", 0),
]  # fmt: skip


@pytest.mark.parametrize(("script", "out", "code"), SCRIPTS)
def test_scripts(box: Box, script: str, out: str, code: int) -> None:
    """Each script writes what ash writes, and ends as it ends."""
    found, written, _ = box.sh(script)

    assert (out, code) == (written, found)


#: Script, what it complains of, its exit code.
COMPLAINTS = [
    ("nosuchcmd", "sh: nosuchcmd: not found\n", 127),
    ("/etc", "sh: /etc: Permission denied\n", 126),
    ("echo x > /none/f", "sh: can't create /none/f: nonexistent directory\n", 1),
    ("cat < /none", "sh: can't open /none: no such file\n", 1),
    ("echo a (b", "sh: syntax error: unexpected \"(\"\n", 2),
    ("if true; then", "sh: syntax error: unexpected end of file (expecting \"fi\")\n", 2),
    ("echo ${A:?missing}", "sh: A: missing\n", 2),
    ("cat /none", "cat: can't open '/none': No such file or directory\n", 1),
    ("cat .", "cat: read error: Is a directory\n", 1),
    ("rm /none", "rm: can't remove '/none': No such file or directory\n", 1),
    ("rm /etc", "rm: '/etc' is a directory\n", 1),
    ("rmdir /etc", "rmdir: '/etc': Directory not empty\n", 1),
    ("ls /none", "ls: /none: No such file or directory\n", 1),
    ("mkdir /etc", "mkdir: can't create directory '/etc': File exists\n", 1),
    ("ls -@", "ls: unrecognized option: @\n", 1),
]  # fmt: skip


@pytest.mark.parametrize(("script", "err", "code"), COMPLAINTS)
def test_complaints(box: Box, script: str, err: str, code: int) -> None:
    """Whatever fails says so in busybox's words."""
    found, _, complained = box.sh(script)

    assert (err, code) == (complained, found)


def test_lines_of_the_input_run_one_by_one(box: Box) -> None:
    """A shell without a script takes its commands from the input; some take lines."""
    code, out, _ = box.run("sh", stdin=b"A=1\nif true\nthen echo $A\nfi\nexit 6\n")

    assert (6, "1\n") == (code, out)


def test_permissions_are_the_users(box: Box) -> None:
    """Another user is kept out of what is root's."""
    assert "touch: /f: Permission denied\n" == box.sh("touch /f", uid=1000)[2]
    assert (0, "1000\n") == box.sh("touch /tmp/f; stat -c %u /tmp/f", uid=1000)[:2]


def test_a_program_is_registered_in_a_few_lines(box: Box) -> None:
    """A path is found wherever the image has none; a name needs a binary."""

    @box.programs.register("/usr/bin/greet")
    def greet(process: Process) -> int:
        process.print("hello", *process.args)
        return 3

    assert (0, "hello a b\n3\n") == box.sh(
        "x=$(/usr/bin/greet a b); r=$?; echo $x; echo $r"
    )[:2]
    assert (3, "hello\n") == box.sh("PATH=/usr/bin; greet")[:2]

    box.programs.register("acpid", lambda process: process.print("never"))
    assert 127 == box.sh("acpid")[0]


def test_a_program_that_fails_ends_alone(box: Box) -> None:
    """The traceback is the program's complaint; its exit code is 1."""

    @box.programs.register("/bin/broken")
    def broken(process: Process) -> int:
        raise KeyError(process.name)

    code, out, err = box.sh("broken; echo $?")

    assert (0, "1\n") == (code, out)
    assert "KeyError" in err


def test_scripts_name_their_interpreter(box: Box) -> None:
    """``#!`` leads to the shell, with the script's path and its arguments."""
    box.fs.write_text("/bin/hello", "#!/bin/sh\necho $0 $1\n")
    box.fs.chmod("/bin/hello", 0o755)

    assert (0, "/bin/hello x\n") == box.run("hello", "x")[:2]


def test_a_binary_that_nobody_knows_is_no_program(box: Box) -> None:
    """The image has it, but nothing says what it does: 126."""
    box.fs.write_bytes("/bin/python3", b"\x7fELF")
    box.fs.chmod("/bin/python3", 0o755)

    assert (126, "", "sh: python3: Exec format error\n") == box.sh("python3")


def test_links_to_busybox_are_its_commands(box: Box) -> None:
    """A link is the command that it is named, or the one that it leads to."""
    box.fs.unlink("/bin/ls")
    box.fs.symlink("busybox", "/bin/ls")
    box.fs.symlink("/bin/cat", "/bin/show")

    assert "passwd\n" in box.sh("ls /etc")[1]
    assert box.sh("cat /etc/group") == box.sh("show /etc/group")
    assert (127, "", "foo: applet not found\n") == box.sh("busybox foo")
    assert (0, "a\n", "") == box.sh("busybox echo a")


def test_time_passes_only_while_all_wait(box: Box) -> None:
    """Sleeping takes no time but the simulated one."""
    assert (0, "1000\n") == box.sh(
        "a=$(date +%s); sleep 1000; b=$(date +%s); echo $((b - a))"
    )[:2]
