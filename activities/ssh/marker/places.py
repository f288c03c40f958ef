r"""Where a marker lies, and who runs its command.

Names begin with `_`: the environment of the host may have any other, and a shell hands down what it changes.
"""

from __future__ import annotations

SHELL = r"""
_signal= _text=$1 _mode=$2 _id=$3 _now=$4 _most_out=$5 _most_err=$6 _may=$7 _old=$8
_mask=$(umask)
umask 077

say() {
    printf '\036%s %s\n' "$_id" "$*"
}

# --- where ---

ours() {
    [ -d "$1" ] && [ ! -L "$1" ] && [ -O "$1" ]
}

# The marker may lie where another attempt could write and this one cannot, so look everywhere first.
find_it() {
    for _base in "${XDG_STATE_HOME:-/nowhere}/stanch" "${HOME:-/nowhere}/.stanch" /var/tmp/stanch-*; do
        if ours "$_base" && [ -d "$_base/$_id" ]; then
            _at=$_base/$_id
            return 0
        fi
    done
    return 1
}

choose() {
    if [ -d "${XDG_STATE_HOME:-}" ] && [ -w "$XDG_STATE_HOME" ]; then
        _base=$XDG_STATE_HOME/stanch
    elif [ -d "${HOME:-}" ] && [ -w "$HOME" ]; then
        _base=$HOME/.stanch
    else
        _base=/var/tmp/stanch-$(id -u)
    fi
    _at=$_base/$_id
}

# True for the one that makes the marker. Commands that end at the same time remove the folder around it as
# soon as that is empty, so it may take a few attempts.
claim() {
    for _each in 1 2 3 4 5 6 7 8 9 10; do
        mkdir "$_base" 2>/dev/null
        if _why=$(mkdir "$_at" 2>&1); then
            ours "$_base" && return 0
            rmdir "$_at"
            break
        fi
        [ -d "$_at" ] && return 1
    done
    ! [ -d "$_base" ] || ours "$_base" || _why="$_base belongs to somebody else"
    return 1
}

# --- who ---

read_boot() {
    _boot=
    { read -r _boot </proc/sys/kernel/random/boot_id; } 2>/dev/null ||
        _boot=$(sysctl -n kern.boottime 2>/dev/null) || _boot=
}

read_clock() {
    { read -r _clock _rest </proc/uptime; } 2>/dev/null || _clock=$(date +%s)
}

# State, group and start of a process.
read_process() {
    { read -r _line <"/proc/$1/stat"; } 2>/dev/null || return 1
    set -- ${_line##*) }
    _state=$1 _member=$3
    shift 9
    _started=${11}
}

has_proc() {
    [ -r /proc/self/stat ]
}

# A number may belong to another process by now.
is_alive() {
    if has_proc; then
        read_process "$_pid" && [ "$_state" != Z ] && [ "$_started" = "$_born" ]
    else
        kill -0 "$_pid" 2>/dev/null
    fi
}

# A process that has ended and was not taken away yet does nothing any more.
group_is_alive() {
    if has_proc; then
        # No number is given away while a group has it, so a stranger there means that the group is gone.
        if [ "$_group" = "$_pid" ] && read_process "$_pid" && [ "$_started" != "$_born" ]; then
            return 1
        fi
        for _one in /proc/[0-9]*; do
            read_process "${_one#/proc/}" && [ "$_member" = "$_group" ] || continue
            case $_state in Z | X) ;; *) return 0 ;; esac
        done
        return 1
    fi
    kill -0 -- "-$_group" 2>/dev/null
}

read_begun() {
    { { read -r _was && read -r _pid _born _group && read -r _when _since; } <"$1/begun"; } 2>/dev/null
}

# At once, or somebody who looks meanwhile would find half of it.
discard() {
    mv "$1" "$1.gone" 2>/dev/null && rm -rf "$1.gone"
}

doze() {
    sleep "$1" 2>/dev/null || sleep 1
}
"""
