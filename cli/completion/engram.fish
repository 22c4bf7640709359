# fish completion for engram: asks the command itself, so that plugins and options are always those of this build.
function __engram_options
    engram --help 2>/dev/null | string match -rg '^  (?:-., )?(--[a-z0-9-]+)(?: \S+)?\s{2,}(.*)' | paste - -
    for word in (commandline -opc)[2..]
        for plugin in (string split , -- $word)
            string match -qr '^[a-z]' -- $plugin
            and engram help $plugin 2>/dev/null | string match -rg '^  (--[a-z0-9-]+)(?: \S+)?\s{2,}(.*)' | paste - -
        end
    end
end
complete -c engram -n '__fish_is_nth_token 1' -a 'plugins help read hexdump vtop dump dt pack profile'
complete -c engram -n 'not __fish_is_nth_token 1' -a '(__fish_complete_list , "echo all; engram plugins -r csv 2>/dev/null | string match -rg \'^([a-z]\w*),\'")'
complete -c engram -n 'string match -q -- "-*" (commandline -ct)' -a '(__engram_options)'
complete -c engram -s r -l render -x -a 'text json jsonl csv'
