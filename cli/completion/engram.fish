# fish completion for engram: asks the command itself, so that plugins, options and types are always those of this build
# and of the image on the line.
function __engram_complete
    set -l words (commandline -opc)
    for line in ($words[1] complete -- $words[2..] (commandline -ct) 2>/dev/null)
        switch $line
            case :files
                __fish_complete_path (commandline -ct)
            case :dirs
                __fish_complete_directories (commandline -ct)
            case '*'
                echo $line
        end
    end
end
complete -c engram -f -a '(__engram_complete)'
