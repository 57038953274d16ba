"""
Instructions of a Dockerfile that change an image's config and nothing else.

They are also what ``docker commit -c`` and ``docker import -c`` take.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias, final

import attrs

from unionfs_sim.containers.dockerwords import expand, expand_words, split_words
from unionfs_sim.containers.errors import InvalidParameter

_Variables: TypeAlias = "Mapping[str, str]"

#: A config: what a container of the image starts with.
Config: TypeAlias = dict[str, Any]

#: The members of a config, in the order in which Docker shows them.
EMPTY_CONFIG: Final[Mapping[str, Any]] = {
    "Hostname": "",
    "Domainname": "",
    "User": "",
    "AttachStdin": False,
    "AttachStdout": False,
    "AttachStderr": False,
    "Tty": False,
    "OpenStdin": False,
    "StdinOnce": False,
    "Env": None,
    "Cmd": None,
    "Image": "",
    "Volumes": None,
    "WorkingDir": "",
    "Entrypoint": None,
    "OnBuild": None,
    "Labels": None,
}


@final
@attrs.frozen
class Instruction:
    """
    One instruction.

    Attributes:
        name: Its name, in capitals.
        text: What follows the name.
        flags: Its options, such as ``chown`` of COPY.
        line: Where it stands.
        original: All of it, as it was written.
    """

    name: str
    text: str
    flags: Mapping[str, str] = attrs.field(factory=dict)
    line: int = 0
    original: str = ""


#: Members that are maps; Docker writes a map sorted by its keys.
_MAPS: Final = ("ExposedPorts", "Labels", "Volumes")


def sorted_map(value: Mapping[str, Any]) -> dict[str, Any]:
    """
    Sort a map by its keys, as Go writes it [drv-bind].

    >>> sorted_map({"type": "tmpfs", "o": "size=1m"})
    {'o': 'size=1m', 'type': 'tmpfs'}
    """
    return dict(sorted(value.items()))


def full_config(config: Mapping[str, Any] | None) -> Config:
    """
    Give a config with all members that Docker shows, in Docker's order.

    >>> full_config({"Cmd": ["sh"]})["Tty"]
    False
    """
    given = config or {}
    full = dict(EMPTY_CONFIG)
    if given.get("ExposedPorts"):
        head = {}
        for key, value in full.items():
            head[key] = value
            if key == "AttachStderr":
                head["ExposedPorts"] = given["ExposedPorts"]
        full = head
    full.update((key, value) for key, value in given.items() if key in full)
    for key in _MAPS:
        full.update({key: sorted_map(full[key])} if full.get(key) else {})
    for key in ("StopSignal", "StopTimeout", "Shell", "Healthcheck"):
        if given.get(key):
            full[key] = given[key]
    return full


def pairs(
    text: str, variables: Mapping[str, str] | None = None, verb: str = "ENV"
) -> list[tuple[str, str]]:
    """
    Read ``NAME=value NAME="value two"``, or the old form ``NAME value``.

    Raises:
        InvalidParameter: A name has no value.

    >>> pairs('A=b C="d $E"', {"E": "e"}), pairs("A b c")
    ([('A', 'b'), ('C', 'd e')], [('A', 'b c')])
    """
    variables = variables or {}
    words = split_words(text)
    if words and "=" not in words[0]:
        name, *value = text.split(None, 1)
        if not value:
            msg = f"{verb} must have two arguments"
            raise InvalidParameter(msg)
        return [(expand(name, variables), expand(value[0], variables))]
    found = []
    for word in words:
        name, equals, value_ = word.partition("=")
        if not equals:
            msg = (
                f"Syntax error - can't find = in {json.dumps(word)}. Must be of the"
                " form: name=value"
            )
            raise InvalidParameter(msg)
        found.append((expand(name, variables), expand(value_, variables)))
    return found


def command(text: str, shell: list[str] | None = None) -> list[str]:
    """
    Read a command: a JSON list as it is, anything else for the shell.

    >>> command('["ls", "-l"]'), command("ls -l")
    (['ls', '-l'], ['/bin/sh', '-c', 'ls -l'])
    """
    words = _json_words(text)
    if words is not None:
        return words
    return [*(shell or ["/bin/sh", "-c"]), text]


def _json_words(text: str) -> list[str] | None:
    if not text.lstrip().startswith("["):
        return None
    try:
        value = json.loads(text)
    except ValueError:
        return None
    if isinstance(value, list) and all(isinstance(word, str) for word in value):
        return value
    return None


def words_of(text: str) -> list[str]:
    """
    Read words: a JSON list, or words with blanks between.

    >>> words_of('["a b"]'), words_of("a b")
    (['a b'], ['a', 'b'])
    """
    words = _json_words(text)
    return text.split() if words is None else words


# Each gives the text that the history shows behind "#(nop) ".


def _env(config: Config, text: str, variables: _Variables) -> str:
    env = list(config.get("Env") or [])
    shown = []
    for name, value in pairs(text, variables):
        kept = f"{name}={value}"
        for number, each in enumerate(env):
            if each.startswith(f"{name}="):
                env[number] = kept  # it keeps its place
                break
        else:
            env.append(kept)
        shown.append(kept)
    config["Env"] = env
    return " ENV " + " ".join(shown)


def _label(config: Config, text: str, variables: _Variables) -> str:
    labels = dict(config.get("Labels") or {})
    found = pairs(text, variables, "LABEL")
    labels.update(found)
    config["Labels"] = labels
    return " LABEL " + " ".join(f"{name}={value}" for name, value in found)


def _cmd(config: Config, text: str, variables: _Variables) -> str:
    config["Cmd"] = command(text, config.get("Shell"))
    return f" CMD {json.dumps(config['Cmd'], separators=(',', ':')).replace(',', ' ')}"


def _entrypoint(config: Config, text: str, variables: _Variables) -> str:
    config["Entrypoint"] = command(text, config.get("Shell"))
    shown = json.dumps(config["Entrypoint"], separators=(",", ":")).replace(",", " ")
    return f" ENTRYPOINT {shown}"


def _volume(config: Config, text: str, variables: _Variables) -> str:
    words = [expand(word, variables) for word in words_of(text)]
    volumes = dict(config.get("Volumes") or {})
    for word in words:
        if not word.strip():
            msg = "VOLUME specified can not be an empty string"
            raise InvalidParameter(msg)
        volumes[word] = {}
    config["Volumes"] = volumes
    return f" VOLUME [{' '.join(words)}]"


def _expose(config: Config, text: str, variables: _Variables) -> str:
    ports = dict(config.get("ExposedPorts") or {})
    words = sorted(expand_words(text, variables))
    for word in words:
        numbers, _, protocol = word.partition("/")
        first, dash, last = numbers.partition("-")
        if not first.isdigit() or (dash and not last.isdigit()):
            msg = f"Invalid containerPort: {numbers}"
            raise InvalidParameter(msg)
        for number in range(int(first), int(last or first) + 1):
            ports[f"{number}/{(protocol or 'tcp').lower()}"] = {}
    config["ExposedPorts"] = ports
    return f" EXPOSE {' '.join(words)}"


def _user(config: Config, text: str, variables: _Variables) -> str:
    config["User"] = expand(text, variables)
    return f" USER {config['User']}"


def _workdir(config: Config, text: str, variables: _Variables) -> str:
    text = expand(text, variables)
    base = config.get("WorkingDir") or "/"
    path = text if text.startswith("/") else f"{base.rstrip('/')}/{text}"
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in {"", "."}:
            parts.append(part)
    config["WorkingDir"] = "/" + "/".join(parts)
    return f"WORKDIR {config['WorkingDir']}"


def _stopsignal(config: Config, text: str, variables: _Variables) -> str:
    config["StopSignal"] = expand(text, variables)
    return f" STOPSIGNAL {config['StopSignal']}"


def _shell(config: Config, text: str, variables: _Variables) -> str:
    words = _json_words(text)
    if words is None:
        msg = "SHELL requires the arguments to be in JSON form"
        raise InvalidParameter(msg)
    config["Shell"] = words
    return f" SHELL [{' '.join(words)}]"


def _onbuild(config: Config, text: str, variables: _Variables) -> str:
    config["OnBuild"] = [*(config.get("OnBuild") or []), text]
    return f" ONBUILD {text}"


_CHANGES: Final[Mapping[str, Callable[[Config, str, _Variables], str]]] = {
    "CMD": _cmd,
    "ENTRYPOINT": _entrypoint,
    "ENV": _env,
    "EXPOSE": _expose,
    "LABEL": _label,
    "ONBUILD": _onbuild,
    "SHELL": _shell,
    "STOPSIGNAL": _stopsignal,
    "USER": _user,
    "VOLUME": _volume,
    "WORKDIR": _workdir,
}


def changes_config(name: str) -> bool:
    """Tell whether an instruction is one of those that `change` takes."""
    return name in _CHANGES


def change(
    config: Config,
    instruction: Instruction,
    variables: Mapping[str, str] | None = None,
) -> str:
    """
    Change a config as an instruction says.

    Args:
        config: The config.
        instruction: The instruction.
        variables: The values of variables in it; by default those of the config.

    Returns:
        What the history of a build shows behind ``#(nop) ``.

    Raises:
        InvalidParameter: It makes no sense, or is not one of these instructions.

    >>> config = {}
    >>> change(config, Instruction("VOLUME", "/data")), config
    (' VOLUME [/data]', {'Volumes': {'/data': {}}})
    """
    do = _CHANGES.get(instruction.name)
    if do is None:
        msg = f"{instruction.name.lower()} is not a valid change command"
        raise InvalidParameter(msg)
    if variables is None:
        variables = dict(each.partition("=")[::2] for each in config.get("Env") or ())
    return do(config, instruction.text, variables)


def parse_change(text: str) -> Instruction:
    """
    Read one line such as ``CMD ["ls"]``.

    >>> parse_change("user nobody")
    Instruction(name='USER', text='nobody', flags={}, line=0, original='')
    """
    name, _, rest = text.strip().partition(" ")
    return Instruction(name.upper(), rest.strip())
