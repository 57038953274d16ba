"""The commands of the small busybox, line by line."""

from __future__ import annotations

import pytest

from tests.containers.box import Box
from unionfs_sim.containers.busyboximage import busybox_layer


@pytest.fixture
def box() -> Box:
    """Give a machine with some files."""
    made = Box(busybox_layer())
    made.fs.makedirs("/d/sub")
    made.fs.write_text("/d/a", "one\ntwo\nthree\n")
    made.fs.write_text("/d/b", "b 2 x\na 10 y\n")
    made.fs.write_text("/d/sub/c", "c\n")
    made.fs.symlink("a", "/d/link")
    return made


#: Script, output, exit code.
ROWS = [
    ("ls /d", "a\nb\nlink\nsub\n", 0),
    ("ls -F /d", "a\nb\nlink@\nsub/\n", 0),
    ("ls -d /d", "/d\n", 0),
    ("ls -R /d", "/d:\na\nb\nlink\nsub\n\n/d/sub:\nc\n", 0),
    ("ls /d/sub /d/a", "/d/a\n\n/d/sub:\nc\n", 0),
    ("ls -a /d/sub", ".\n..\nc\n", 0),
    ("ls -r /d", "sub\nlink\nb\na\n", 0),
    ("ls -ld /d/sub | cut -c1-10", "drwxr-xr-x\n", 0),
    ("cat /d/a | head -n 2", "one\ntwo\n", 0),
    ("head -c 5 /d/a", "one\nt", 0),
    ("head -1 /d/a", "one\n", 0),
    ("tail -n 1 /d/a", "three\n", 0),
    ("tail -n +2 /d/a", "two\nthree\n", 0),
    ("tail -c 3 /d/a", "ee\n", 0),
    ("wc -l /d/a", "3 /d/a\n", 0),
    ("wc < /d/a", "         3         3        14\n", 0),
    ("grep t /d/a", "two\nthree\n", 0),
    ("grep -c t /d/a", "2\n", 0),
    ("grep -n '^t' /d/a", "2:two\n3:three\n", 0),
    ("grep -v t /d/a", "one\n", 0),
    ("grep none /d/a", "", 1),
    ("grep -q one /d/a && echo found", "found\n", 0),
    ("grep -r c /d/sub", "/d/sub/c:c\n", 0),
    ("grep -o 'th*' /d/a", "t\nth\n", 0),
    ("grep -E 'one|three' /d/a", "one\nthree\n", 0),
    ("grep 'o\\(n\\)e' /d/a", "one\n", 0),
    ("grep -F . /d/a", "", 1),
    ("sort /d/b", "a 10 y\nb 2 x\n", 0),
    ("sort -k 2 -n /d/b", "b 2 x\na 10 y\n", 0),
    ("sort -r /d/a", "two\nthree\none\n", 0),
    ("printf 'a\\na\\nb\\n' | uniq -c", "      2 a\n      1 b\n", 0),
    ("cut -d ' ' -f 1,3 /d/b", "b x\na y\n", 0),
    ("cut -c 1-2 /d/a", "on\ntw\nth\n", 0),
    ("echo hello | tr a-y b-z", "ifmmp\n", 0),
    ("echo hello | tr -d l", "heo\n", 0),
    ("echo aabb | tr -s ab", "ab\n", 0),
    ("sed 's/o/0/g' /d/a", "0ne\ntw0\nthree\n", 0),
    ("sed -n 2p /d/a", "two\n", 0),
    ("sed '/two/d' /d/a", "one\nthree\n", 0),
    ("sed -E 's/(t)(w)/\\2\\1/' /d/a", "one\nwto\nthree\n", 0),
    ("sed -i s/one/1/ /d/a; head -1 /d/a", "1\n", 0),
    ("awk '{print $2, $1}' /d/b", "2 b\n10 a\n", 0),
    ("awk '$2 > 5 {print NR \":\" $1}' /d/b", "2:a\n", 0),
    ("awk '/b/' /d/b", "b 2 x\n", 0),
    ("awk -F: '$1 == \"root\" {print $7}' /etc/passwd", "/bin/sh\n", 0),
    ("awk '{n += $2} END {print n}' /d/b", "12\n", 0),
    ("seq 1 2 5", "1\n3\n5\n", 0),
    ("printf '%03d|%-4s|%x\\n' 7 ab 255", "007|ab  |ff\n", 0),
    ("printf '%s,' a b c", "a,b,c,", 0),
    ("echo -e 'a\\tb'", "a\tb\n", 0),
    ("basename /x/y.txt .txt; dirname /x/y.txt", "y\n/x\n", 0),
    ("find /d -type f", "/d/a\n/d/b\n/d/sub/c\n", 0),
    ("find /d -name 'c*'", "/d/sub/c\n", 0),
    ("find /d -maxdepth 1 -type l", "/d/link\n", 0),
    ("find /d ! -type d -name a", "/d/a\n", 0),
    ("find /d/sub -type f -exec cat {} \\;", "c\n", 0),
    ("find /d | xargs -n 9 echo | wc -l", "1\n", 0),
    ("stat -c '%n %F %s %h' /d/a /d/sub /d/link", "/d/a regular file 14 1\n/d/sub directory 4096 2\n/d/link symbolic link 1 1\n", 0),
    ("readlink /d/link; readlink -f /d/link", "a\n/d/a\n", 0),
    ("cp /d/a /d/z; cat /d/z | wc -l", "3\n", 0),
    ("cp -r /d /e; find /e -type f | wc -l", "3\n", 0),
    ("cp -a /d /e; readlink /e/link", "a\n", 0),
    ("chmod 600 /d/a; cp -p /d/a /z; stat -c %a /z", "600\n", 0),
    ("mv /d/a /d/z; ls /d", "b\nlink\nsub\nz\n", 0),
    ("mv /d/a /d/b /d/sub; ls /d/sub", "a\nb\nc\n", 0),
    ("mkdir -p /x/y/z && mkdir -m 700 /x/w; stat -c %a /x/w /x/y/z", "700\n755\n", 0),
    ("rmdir -p /d/sub 2>/dev/null; echo $?; rm -r /d; ls -d /d 2>&1", "1\nls: /d: No such file or directory\n", 1),
    ("rm -f /none; echo $?", "0\n", 0),
    ("ln /d/a /d/h; stat -c %h /d/a; ln -s x /d/s; ln -sf y /d/s; readlink /d/s", "2\ny\n", 0),
    ("chmod u+x,go-r /d/a; stat -c %a /d/a", "700\n", 0),
    ("chmod a=r /d/a; stat -c %a /d/a", "444\n", 0),
    ("chown 5:6 /d/a; chown nobody /d/b; stat -c %u:%g /d/a /d/b", "5:6\n65534:0\n", 0),
    ("chown -R 7 /d; stat -c %u /d/sub/c", "7\n", 0),
    ("touch -t 201812040717.17 /d/a; stat -c %Y /d/a", "1543907837\n", 0),
    ("touch -d @5 /d/n; stat -c '%Y %F' /d/n", "5 regular empty file\n", 0),
    ("truncate -s 1k /d/a; stat -c %s /d/a", "1024\n", 0),
    ("mkfifo -m 600 /p; stat -c '%F %a' /p", "fifo 600\n", 0),
    ("mknod /n c 1 3; stat -c '%F %t:%T' /n", "character special file 1:3\n", 0),
    ("dd if=/d/a of=/z bs=1 count=3 2>/dev/null; cat /z", "one", 0),
    ("dd if=/d/a bs=4 skip=1 count=1 2>/dev/null", "two\n", 0),
    ("echo x | tee /t1 /t2; cat /t1 /t2", "x\nx\nx\n", 0),
    ("cmp /d/a /d/a && echo same; cmp -s /d/a /d/b; echo $?", "same\n1\n", 0),
    ("id -u; id; whoami", "0\nuid=0(root) gid=0(root) groups=0(root)\nroot\n", 0),
    ("env A=1 sh -c 'echo $A'; env -i env", "1\n", 0),
    ("hostname; hostname new; hostname", "box\nnew\n", 0),
    ("uname; uname -m", "Linux\nx86_64\n", 0),
    ("which ls nothere", "/bin/ls\n", 1),
    ("date -u -d @0 +%Y-%m-%d", "1970-01-01\n", 0),
    ("echo -n abc | md5sum", "900150983cd24fb0d6963f7d28e17f72  -\n", 0),
    ("timeout 1 sleep 5; echo $?; timeout 5 true; echo $?", "143\n0\n", 0),
    ("du -s /d/sub", "8\t/d/sub\n", 0),
    ("cd /d; ls -A; pwd; cat ./a | head -1; cd ..; pwd", "a\nb\nlink\nsub\n/d\none\n/\n", 0),
    ("[ -f /d/a ] && [ -d /d ] && [ -L /d/link ] && [ -s /d/a ] && echo all", "all\n", 0),
    ("[ 1 -gt 2 ] || [ a != b -a ! -e /x ] && echo ok", "ok\n", 0),
    ("ip -o -4 addr show dev lo | awk '{print $4}'", "127.0.0.1/8\n", 0),
]  # fmt: skip


@pytest.mark.parametrize(("script", "out", "code"), ROWS)
def test_commands(box: Box, script: str, out: str, code: int) -> None:
    """Each line writes what busybox writes."""
    found, written, said = box.sh(script)

    assert (out, code) == (written, found), said
