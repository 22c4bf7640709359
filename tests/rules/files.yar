// What is in any Linux machine's memory: rules of our own, for tests.

rule elf_header : format linux
{
    meta:
        what = "the first page of a program, library or module"
    strings:
        $magic = { 7f 45 4c 46 02 01 01 ( 00 | 03 ) [8] ( 02 | 03 ) 00 3e 00 }
    condition:
        $magic
}

rule shell_script
{
    strings:
        $first = "#!/bin/sh\n"
        $words = /\b(esac|done|fi)\n/
    condition:
        $first and #words > 2
}
