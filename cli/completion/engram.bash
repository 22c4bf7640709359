# bash completion for engram: asks the command itself, so that plugins, options and types are always those of this build
# and of the image on the line.
_engram() {
    local i cur cut= line words=()
    for ((i = 1; i <= COMP_CWORD; i++)); do # readline takes --name=value apart
        if [[ ${#words[@]} -gt 0 && (${COMP_WORDS[i]} == = || ${COMP_WORDS[i - 1]} == =) ]]; then
            cut=${words[-1]}
            words[-1]+=${COMP_WORDS[i]}
            [[ ${COMP_WORDS[i]} == = ]] && cut+==
        else
            cut=
            words+=("${COMP_WORDS[i]}")
        fi
    done
    cur=${words[-1]#"$cut"}
    COMPREPLY=()
    while IFS=$'\t' read -r line _; do
        case $line in
        :files) compopt -o filenames 2>/dev/null; mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -f -- "$cur") ;;
        :dirs) compopt -o filenames 2>/dev/null; mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -d -- "$cur") ;;
        *) COMPREPLY+=("${line#"$cut"}") ;;
        esac
    done < <("$1" complete -- "${words[@]}" 2>/dev/null)
}
complete -F _engram engram
