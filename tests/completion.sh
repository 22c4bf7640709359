#!/bin/sh
# Do the completions of bash, zsh and fish offer what there is?  Usage: completion.sh ROOT ENGRAM [bash|zsh|fish]...
# A line of `cases`: what the user has typed, a bar, what must be among the candidates, a bar, what must not. @ is the
# bundled image. A shell that is not installed is left out.
root=$(realpath "$1") engram=$(realpath "$2") || exit 1
shift 2
image=
for image in "$root"/samples/*.zst; do
    case $image in *.tar.zst) ;; *) break ;; esac
done
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
ln -s "$engram" "$tmp/engram"
ln -s "$image" "$tmp/image.zst"
mkdir "$tmp/folder"
cd "$tmp" || exit 1
PATH=$tmp:$PATH
export PATH
cat >"$tmp/cases" <<'END'
p|plugins pack profile|read pslist
im|image.zst|
image.zst ps|pslist pstree psaux|maps
image.zst pslist,ps|pslist,pstree|pslist,maps
image.zst pslist --th|--threads|--strict
image.zst vt|vtop|help
hexdump image.zst --ph|--phys|--threads
-r js|json jsonl|text
image.zst pslist --sort PP|PPID|COMM
image.zst lsmod --columns MODULE,SI|MODULE,SIZE|MODULE,MODULE
image.zst pslist --tz lo|local|UTC
image.zst --render js|json|
--format li|lime|raw
-o fo|folder|
help fo|formats|pslist
help lim|lime|pslist
dt image.zst task_str|task_struct|init_task
vtop image.zst linux_ban|linux_banner|task_struct
profile |make show|pslist
-f image.zst lsm|lsmod|
watch qm|qmp:|quality
trace --script exe|exec|
watch image.zst pslist --until PP|PPID|COMM
END
failed=0 ran=0

# Each prints the candidates of a line, one a line.
try_bash() {
    bash --norc -c '. "$1"
        COMP_WORDS=(engram) COMP_LINE="engram $2"
        read -ra more <<<"$2"
        COMP_WORDS+=("${more[@]}")
        [[ $2 == *" " ]] && COMP_WORDS+=("")
        COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
        _engram engram
        printf "%s\n" "${COMPREPLY[@]}"' bash "$root/cli/completion/engram.bash" "$1"
}
try_fish() {
    HOME=$tmp XDG_CONFIG_HOME=$tmp fish --no-config -c 'source $argv[1]; complete -C "engram $argv[2]"' "$root/cli/completion/engram.fish" "$1" |
        sed 's/\t.*//; s,/$,,'
}
# zsh completes on a terminal only: one of its own, where compadd tells what it is given.
cat >"$tmp/within.zsh" <<'END'
PS1= fpath=($1 $fpath)
unsetopt zle_bracketed_paste prompt_cr prompt_sp
autoload -Uz compinit && compinit -D -u
END
cat >"$tmp/drive.zsh" <<'END'
zmodload zsh/zpty || exit 77
zpty -b shell zsh -f -i
zpty -w shell ". $1/within.zsh $2 ; compadd() { local -a hits; [[ \${(j: :)argv[1,(i)(-|--)]} == *-[OAD]\ * ]] || { builtin compadd -A hits \"\$@\"; (( \$#hits )) && print -rl -- \$hits >>$1/hits }; builtin compadd \"\$@\" }; comppostfuncs=(after); after() { print done >$1/done }; bindkey '^I' complete-word; print done >$1/ready"
for ((i = 0; i < 100; i++)); do [[ -e $1/ready ]] && break; sleep 0.1; done
zpty -n -w shell "engram $3"$'\t'
for ((i = 0; i < 100; i++)); do [[ -e $1/done ]] && break; sleep 0.1; done
zpty -d shell
END
try_zsh() {
    rm -f "$tmp/hits" "$tmp/done" "$tmp/ready"
    HOME=$tmp TERM=dumb zsh -f "$tmp/drive.zsh" "$tmp" "$root/cli/completion" "$1"
    cat "$tmp/hits"
}

for shell in "${@:-bash zsh fish}"; do for shell in $shell; do
    command -v "$shell" >/dev/null || { echo "$shell is not installed"; continue; }
    ran=$((ran + 1))
    while IFS='|' read -r line wanted unwanted; do
        "try_$shell" "$line" >"$tmp/out" 2>"$tmp/err" </dev/null
        for name in $wanted; do
            grep -qx -- "$name" "$tmp/out" || { echo "$shell: 'engram $line' lacks $name: $(head -n 20 "$tmp/out" "$tmp/err" | tr '\n' ' ')"; failed=1; }
        done
        for name in $unwanted; do
            grep -qx -- "$name" "$tmp/out" && { echo "$shell: 'engram $line' offers $name"; failed=1; }
        done
    done <"$tmp/cases"
done; done
echo "$ran shells"
[ "$ran" -gt 0 ] || exit 77
exit $failed
