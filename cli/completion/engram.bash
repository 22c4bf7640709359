# bash completion for engram: asks the command itself, so that plugins and options are always those of this build.
_engram() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} word plugin list
    case $prev in
    -r | --render) COMPREPLY=($(compgen -W 'text json jsonl csv' -- "$cur")); return ;;
    -f | --file | -o | --output | --profile | --vmlinux | --system-map | --tmp | --profile-dir | --plugin-dir)
        COMPREPLY=($(compgen -f -- "$cur")); return ;;
    esac
    list=$(engram plugins -r csv 2>/dev/null | sed -n '2,$s/,.*//p')
    if [[ $cur == -* ]]; then
        list=$(engram --help 2>/dev/null | grep -oE -- '--[a-z0-9-]+ ' | sort -u)
        for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
            for plugin in ${word//,/ }; do
                [[ $plugin == [a-z]* ]] && list+=" $(engram help "$plugin" 2>/dev/null | sed -n 's/^  \(--[a-z0-9-]*\).*/\1/p')"
            done
        done
        COMPREPLY=($(compgen -W "$list" -- "$cur"))
    elif ((COMP_CWORD == 1)); then
        COMPREPLY=($(compgen -W 'plugins help read hexdump vtop dump dt pack profile' -- "$cur") $(compgen -f -- "$cur"))
    else
        word=${cur%"${cur##*,}"}
        COMPREPLY=($(compgen -P "$word" -W "all $list" -- "${cur##*,}") $(compgen -f -- "$cur"))
    fi
}
complete -o filenames -F _engram engram
