"""The rows of the commands about Docker."""

from __future__ import annotations

from typing import Final

from unionfs_sim.cli.rows import FORCE, JOBS, Command, option

SCENARIO: Final = option(
    "--scenario", metavar="ID", action="append", help="only this one; may be repeated"
)
CLIENT: Final = option(
    "--client",
    metavar="PATH",
    help="the docker program [of those on the path, one of the recorded version]",
)

#: The rows.
DOCKER: Final = (
    Command(
        "docker serve",
        "be a Docker engine for the real docker client, the SDK, and others",
        "docker:serve",
        (
            option(
                "--socket",
                metavar="PATH",
                help="the Unix socket to listen on [unionfs-sim.sock, unless --tcp]",
            ),
            option(
                "--tcp",
                metavar="HOST:PORT",
                help="listen on TCP too; HOST is 127.0.0.1 unless --anywhere",
            ),
            option(
                "--anywhere",
                action="store_true",
                help="let --tcp name an address that other machines reach",
            ),
            option(
                "--state",
                metavar="DIR",
                help="keep everything there [in memory, gone at the end]",
            ),
            option(
                "--image",
                metavar="FILE",
                action="append",
                default=[],
                help="load this archive or layout first; may be repeated",
            ),
            option(
                "--setup",
                metavar="FILE.py",
                help="Python whose function setup(engine) is called first: to "
                "register programs, to write files on the simulated host",
            ),
        ),
        about="No root and no daemon: containers, volumes and networks are simulated, "
        "and nothing that clients say reaches the files of this machine. There is a "
        "busybox image. Runs until Ctrl-C; needs pip install 'unionfs-sim[docker]'.",
        example="docker serve --socket unionfs-sim.sock",
    ),
    Command(
        "docker replay",
        "replay recorded sessions of the docker client against the simulator",
        "docker:replay",
        (
            option("file", metavar="FILE", help="the recording"),
            SCENARIO,
            CLIENT,
            JOBS,
        ),
        about="Each runs on a fresh engine, through the real client. Ends with "
        "passed=N failed=M total=T; exits with 1 if anything failed.",
        example="docker replay docker-scenarios.json --jobs 2",
    ),
    Command(
        "docker record",
        "record sessions of the docker client with a real engine",
        "recording:record",
        (
            option(
                "file",
                metavar="FILE",
                help="what to record: scenarios, of whose steps the commands count",
            ),
            option("out", metavar="OUT", help="the recording to write; .gz compresses"),
            option(
                "--host",
                metavar="ADDRESS",
                help="the engine [DOCKER_HOST, else Docker's own socket]",
            ),
            SCENARIO,
            CLIENT,
            FORCE,
        ),
        about="The engine has to be one of its own, which holds busybox:latest and "
        "nothing else: every scenario starts so, and all that it makes is removed "
        "after. Scenarios that use /data of the host want it empty, on this machine.",
        example="docker record wanted.json recorded.json",
    ),
)
