r"""What runs on the host: POSIX `sh`, so that it works through `sudo` and where no SFTP is served.

A file is made beside the one that it replaces, with that one's owner, mode and access list, and takes its
place when all of it is there and on disk: whoever reads sees the old content or the new one, and so does the
host after a loss of power. Each answers one line, `\036WORD ...`; after `file` come the bytes.
"""

from __future__ import annotations

from dataclasses import dataclass

from activities.file.state import LARGEST, State
from activities.ssh.quoting import quoted

_SHELL = r"""
_mode=$1 _path=$2
LC_ALL=C
export LC_ALL
say() { printf '\036%s\n' "$*"; }
refuse() { say refused "$*"; exit; }
facts() { stat -L -c '%s %a %u:%g' -- "$1" 2>/dev/null || stat -L -f '%z %Lp %u:%g' "$1" 2>/dev/null; }
# What cannot be seen is not taken for absent.
is_there() {
_said=$(ls -d -- "$_path" 2>&1) && return 0
case $_said in *': No such file or directory') return 1 ;; esac
refuse "$_said"
}
plain() {
[ -f "$_path" ] || refuse 'it is no regular file'
}
tell() {
is_there || { say absent; exit; }
[ -e "$_path" ] || refuse 'it is a symbolic link that leads nowhere'
plain
[ -r "$_path" ] || refuse 'Permission denied'
set -- $(facts "$_path")
[ $# -eq 3 ] || refuse 'this host has no stat that tells of it'
say file "$@"
if [ "$1" -le "$_most" ]; then cat -- "$_path"; fi
}
own() {
[ ! -L "$_path" ] || refuse 'it is a symbolic link; name the file that it leads to'
_folder=${_path%/*} _name=${_path##*/}
_folder=${_folder:-/}
[ -d "$_folder" ] || refuse "there is no folder $_folder"
_exists=no
if is_there; then
_exists=yes
plain
fi
}
settle() {
sync "$1" >/dev/null 2>&1 || sync
}
take_away() {
own
if [ $_exists = yes ]; then
_said=$(rm -f -- "$_path" 2>&1) || refuse "$_said"
settle "$_folder"
fi
say removed
}
put() {
own
_new=$_folder/.$_name.stanch.$$
trap 'rm -f -- "$_new"' EXIT
trap 'exit 1' HUP INT PIPE TERM
umask 077
# What others have left that died here; hosts may share the folder, and write beside each other.
for _left in "$_folder/.$_name.stanch."*; do
[ -z "$(find "$_left" -prune -mmin +10 2>/dev/null)" ] || rm -f -- "$_left"
done
# A name that nobody else can have made meanwhile.
_said=$({ set -C && : >"$_new"; } 2>&1) || refuse "${_said##*: }"
_rights=644
if [ $_exists = yes ]; then
set -- $(facts "$_path")
_rights=$2 _owner=$3
_said=$(cp -p -- "$_path" "$_new" 2>&1) || refuse "$_said"
chmod u+rw -- "$_new"
set -- $(facts "$_new")
[ "$3" = "$_owner" ] || refuse "it belongs to $_owner, and would not any more; use sudo"
fi
_said=$({ cat >"$_new"; } 2>&1) || refuse "${_said##*: }"
_came=$(wc -c <"$_new" | tr -d ' ')
[ "$_came" = "$_bytes" ] || refuse 'the content did not arrive whole, or the disk is full'
if [ "$_give" != - ]; then _said=$(chown "$_give" "$_new" 2>&1) || refuse "$_said"; fi
[ "$_set" = - ] || _rights=$_set
_said=$(chmod "$_rights" "$_new" 2>&1) || refuse "$_said"
settle "$_new"
_said=$(mv -f -- "$_new" "$_path" 2>&1) || refuse "$_said"
settle "$_folder"
say file $(facts "$_path")
}
case $_mode in
tell) _most=$3; tell ;;
take_away) take_away ;;
put) _bytes=$3 _set=$4 _give=$5; put ;;
esac
"""
_TEXT = "\n".join(line for line in _SHELL.strip().splitlines() if not line.startswith("# "))

_ABSENT = State(None)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a host said of the file."""

    word: str
    """`file`, `absent`, `removed`, `refused`, or nothing: it did not answer as it should."""
    text: str = ""
    size: int = 0
    state: State = _ABSENT

    @property
    def is_whole(self) -> bool:
        """The content that came is all that the file had, if it had any."""
        return self.state.content is None or len(self.state.content) == self.size


def telling(path: str) -> str:
    """The command line that tells what is there."""
    return _line("tell", path, str(LARGEST))


def making(path: str, state: State) -> str:
    """The command line that makes it so. The content is what it reads."""
    if state.content is None:
        return _line("take_away", path)
    mode = "-" if state.mode is None else f"{state.mode:o}"
    return _line("put", path, str(len(state.content)), mode, state.owner or "-")


def _line(*words: str) -> str:
    return f"exec /bin/sh -c {quoted(_TEXT)} stanch {' '.join(map(quoted, words))}"


def answer(stdout: bytes) -> Answer:
    """What a login shell prints may stand before it."""
    _, sign, rest = stdout.partition(b"\x1e")
    line, end, content = rest.partition(b"\n")
    word, _, text = line.decode("utf-8", "replace").partition(" ")
    if not sign or not end:
        return Answer("")
    if word != "file":
        return Answer(word, text)
    size, mode, owner = text.split()
    return Answer(word, text, int(size), State(content, int(mode, 8), owner))
