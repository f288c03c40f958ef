r"""Those that start it, find it, stop it and clear it away."""

from __future__ import annotations

SHELL = r"""
measure() {
    _size=0
    [ -e "$1" ] && _size=$(($(wc -c <"$1")))
    _sizes="$_sizes $_size"
}

# `show WORD`: the end of the command with its output.
show() {
    _sizes= _full=no
    for _name in out err; do
        measure "$_at/$_name.a"
        _gone=0
        { read -r _gone <"$_at/$_name.gone"; } 2>/dev/null
        _sizes="$_sizes ${_gone:-0}"
        measure "$_at/$_name.c"
        measure "$_at/$_name.b"
        [ -e "$_at/$_name.full" ] && _full=yes
    done
    say "$1" "${_rc:--}" "$_since" "${_clock:-$_since}" $_full $_sizes
    set -- $_sizes
    for _name in out.a out.c out.b err.a err.c err.b; do
        # More may have come since it was measured.
        [ "$1" -eq 0 ] || dd bs="$1" count=1 <"$_at/$_name" 2>/dev/null
        shift
        case $_name in *.a) shift ;; esac
    done
}

read_status() {
    _rc= _clock=
    { read -r _rc _clock <"$_at/status" || read -r _rc _clock <"$_at/status.new"; } 2>/dev/null
    [ -n "$_rc" ]
}

told_to_stop() {
    _stopped=
    { read -r _stopped <"$_at/stopped"; } 2>/dev/null
}

# Knows who runs it, or says why nobody can.
attach() {
    for _each in 0.05 0.1 0.2 0.3 0.5 1 1 1 1; do
        if read_begun "$_at"; then
            read_boot
            [ "$_was" = "$_boot" ] && return 0
            read_status
            say rebooted "${_rc:--}"
            exit
        fi
        if told_to_stop; then
            if [ "$_stopped" = over ]; then say absent; else say never; fi
            exit
        fi
        doze $_each
    done
    say claimed
    exit
}

follow() {
    attach
    _pause=0.05
    until [ -e "$_at/status" ]; do
        if ! is_alive; then
            read_status && break
            if told_to_stop; then break; fi
            [ -d "$_at" ] || break
            say gone
            exit
        fi
        doze $_pause
        case $_pause in 0.05) _pause=0.1 ;; 0.1) _pause=0.2 ;; 0.2) _pause=0.5 ;; *) _pause=1 ;; esac
    done
    finish
}

finish() {
    if ! [ -d "$_at" ]; then
        say absent
        exit
    fi
    read_status
    _since=${_since:-0}
    # The disk may have been too full to note it.
    told_to_stop || _stopped=${_signal:-}
    if [ -n "$_stopped" ]; then show "stopped-$_stopped"; else show ended; fi
}

start() {
    _all=$(cat)
    case $_all in
    *"#whole $_id") ;;
    *)
        say refused 'the command did not arrive whole'
        exit
        ;;
    esac
    if find_it; then
        follow
    elif [ "$_may" = no ]; then
        say absent
    else
        choose
        launch
    fi
}

launch() {
    _apart=nohup
    command -v setsid >/dev/null 2>&1 && _apart=setsid
    printf '%s\n' "$_all" |
        $_apart /bin/sh -c 'eval "$1"' stanch "$_text" \
            run "$_id" "$_now" "$_most_out" "$_most_err" "$_base" "$_mask" 2>&1 |
        {
            _noise=
            while read -r _word _rest; do
                case $_word in
                begun)
                    # Nothing more is said: this ends when the other end does.
                    cat >/dev/null
                    break
                    ;;
                exists) break ;;
                refused)
                    say refused "$_rest"
                    exit
                    ;;
                *) _noise="$_noise$_word $_rest " ;;
                esac
            done
            if [ -d "$_at" ]; then follow; else say refused "${_noise:-the shell ended}"; fi
        }
}

stop() {
    if ! find_it; then
        # Whoever is about to start it finds that it is too late.
        choose
        if claim; then
            echo never >"$_at/stopped"
            say never
            exit
        fi
    fi
    attach
    if ! [ -e "$_at/status" ] && group_is_alive; then
        for _signal in TERM KILL; do
            echo $_signal >"$_at/stopped"
            kill -s $_signal -- "-$_group" 2>/dev/null
            for _each in 0.02 0.05 0.1 0.1 0.2 0.2 0.3; do
                group_is_alive || break 2
                doze $_each
            done
        done 2>/dev/null
        if group_is_alive; then
            say running
            exit
        fi
    fi
    finish
}

# Markers of commands that ended or died long ago, and whose worker never came back.
sweep() {
    _seen=0 _swept=0
    for _each in "$_base"/*; do
        [ -d "$_each" ] || continue
        _seen=$((_seen + 1))
        [ $_seen -le 200 ] && [ $_swept -lt 20 ] || break
        case $_each in *.gone)
            rm -rf "$_each"
            continue
            ;;
        esac
        if ! read_begun "$_each"; then
            _was= _when=
            { read -r _when <"$_each/seen"; } 2>/dev/null || echo "$_now" >"$_each/seen"
        fi
        [ "$((_now - ${_when:-$_now}))" -gt "$_old" ] || continue
        [ -n "$_was" ] && [ "$_was" = "$_boot" ] && is_alive && continue
        discard "$_each"
        _swept=$((_swept + 1))
    done
}

# Whoever comes late must not take it for one that was never begun.
bury() {
    echo over >"$_at/stopped"
    echo "$_now" >"$_at/seen"
    for _each in "$_at"/*; do
        case $_each in */stopped | */seen) ;; *) rm -f "$_each" ;; esac
    done
}

release() {
    if find_it && [ -e "$_at/status" ]; then
        if [ "$_may" = yes ]; then discard "$_at"; else bury; fi
        read_boot
        sweep
        # Where everybody may write, somebody else could put another in its place.
        case $_base in /var/tmp/*) ;; *) rmdir "$_base" 2>/dev/null ;; esac
    fi
    say released
}

case $_mode in
start) start ;;
run)
    _base=$7 _mask=$8
    run
    ;;
look) if find_it; then say there; else say absent; fi ;;
stop) stop ;;
release) release ;;
esac
"""
