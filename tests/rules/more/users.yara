rule lines_of_passwd : accounts
{
    strings:
        $root = /root:[x*]:0:0:[^\n]{0,40}\n/
        $wide = "root" wide fullword
    condition:
        $root or $wide
}

rule never
{
    strings:
        $a = "root"
        $b = "these words are in no image, not even in the one that holds this"
    condition:
        all of them
}
