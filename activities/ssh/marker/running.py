r"""The shell in a session of its own, which starts the command and keeps what it says."""

from __future__ import annotations

SHELL = r"""
give_up() {
    # A shell only says that it could not write; a program says why.
    _why=$(printf '%-40s\n' "$1" | cat 2>&1 >"$_at/why") && _why=$1
    discard "$_at"
    printf 'refused %s: %s\n' "$_at" "$_why"
    exit
}

prepare() {
    printf '%s\n%s %s %s\n%s %s\n' "$_boot" "$$" "$_started" "$_member" "$_now" "$_clock" >"$_at/begun.new" &&
        printf '%-40s\n' '' >"$_at/status.new" &&
        mkfifo "$_at/out" "$_at/err" &&
        mv "$_at/begun.new" "$_at/begun"
}

# Of a stream: the beginning, the end, and how much was between. A program that goes on writing when the
# command is over must not be hurt, nor one that writes when the disk is full.
keep() {
    trap '' HUP INT QUIT TERM
    # `exec`, as a shell remembers what it redirects otherwise, and who waits for the end would wait for this.
    exec <"$_at/$1" >/dev/null 2>&1
    _part=a _gone=0
    while _told=$(LC_ALL=C dd bs=16384 count=16 2>&1 >>"$_at/$1.$_part"); do
        # "14+2 records in": whole blocks and others. A warning may stand before it.
        _told=${_told%% records in*}
        _told=${_told##*[!0-9+]}
        if [ "$((${_told%+*} + ${_told#*+}))" -lt 16 ]; then
            : >"$_at/$1.eof"
            exit
        fi
        [ "$(($(wc -c <"$_at/$1.$_part")))" -ge "$2" ] || continue
        if [ $_part = b ]; then
            if [ -e "$_at/$1.c" ]; then
                _gone=$((_gone + $(wc -c <"$_at/$1.c")))
                echo $_gone >"$_at/$1.gone"
            fi
            mv "$_at/$1.b" "$_at/$1.c"
        fi
        _part=b
    done
    mv "$_at/$1" "$_at/$1.full"
    exec cat >/dev/null
}

body() {
    trap - HUP INT PIPE QUIT TERM
    umask "$_mask"
    eval "$_command"
}

run() {
    # Caught and not ignored, or the command would ignore them too.
    trap : HUP INT PIPE QUIT TERM
    _all=$(cat)
    _at=$_base/$_id
    if ! claim; then
        if [ -d "$_at" ]; then echo exists; else echo "refused $_why"; fi
        exit
    fi
    read_boot
    read_clock
    _started=- _member=
    read_process $$ || _member=$(($(ps -o pgid= -p $$)))
    _why=$(prepare 2>&1) || give_up "$_why"
    read_begun "$_at" && [ "$_pid" = $$ ] || give_up "what was written in $_at cannot be read"
    sync "$_at/begun" "$_at/status.new" "$_at" "$_base" >/dev/null 2>&1
    eval "$_all"
    _all=
    (keep out "$_most_out") &
    (keep err "$_most_err") &
    echo begun 2>/dev/null
    if [ -n "$_input" ]; then
        printf %b "$_input" 2>/dev/null | (body) >"$_at/out" 2>"$_at/err"
    else
        (body) </dev/null >"$_at/out" 2>"$_at/err"
    fi
    _rc=$?
    read_clock
    printf '%-40s\n' "$_rc $_clock" 1<>"$_at/status.new"
    # Something that the command has left behind may hold them open for ever.
    for _each in 0.002 0.004 0.008 0.02 0.05 0.1 0.2 0.5 1; do
        [ -e "$_at/out.eof" ] && [ -e "$_at/err.eof" ] && break
        doze $_each
    done
    mv "$_at/status.new" "$_at/status"
    sync "$_at/status" "$_at" >/dev/null 2>&1
    exit
}
"""
