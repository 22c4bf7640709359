#!/bin/sh
# Who may include whom. Usage: include_rule.sh ROOT
#   core              core
#   formats, profiles core and their own folder
#   plugins/linux     core, profiles' headers and plugins/linux; find/ only by find/ and the layer's own entry
#   plugins/OTHER     the same, never another plugin: no header of a folder beside plugins/linux but its own
#   live              core, its own folder, profiles' headers and plugins/linux as plugins may
#   lua               core, profiles' and live's headers and its own folder
#   cli, tests        anything
# A quoted name without a folder is the own folder's, config.h or (outside core) one of the two that inc_dirs
# offers; folders are always spelled ("../core/base.h").
cd "$1" || exit 1

find core formats profiles plugins live lua -name '*.[ch]' | sort | xargs grep -nE '^[[:space:]]*#[[:space:]]*include[[:space:]]+"' /dev/null |
awk -F: '
function norm(path,    n, i, part, out, k) {          # "plugins/linux/../../core/x.h" -> "core/x.h"
    n = split(path, part, "/"); k = 0
    for (i = 1; i <= n; i++)
        if (part[i] == "..") k--
        else if (part[i] != ".") out[++k] = part[i]
    path = out[1]
    for (i = 2; i <= k; i++) path = path "/" out[i]
    return path
}
function folder(path) { sub(/\/[^\/]*$/, "", path); return path }
function top(path) { sub(/\/.*/, "", path); return path }
function within(path, place) { return index(path "/", place "/") == 1 }
function exists(path,    line, ok) { ok = (getline line < path) >= 0; close(path); return ok }
{
    file = $1; name = $0
    sub(/^[^"]*"/, "", name); sub(/".*/, "", name)
    if (name == "config.h" || name == "abi.h") next
    from = folder(file)
    target = norm(from "/" name)
    if (!exists(target)) { print file ":" $2 ": \"" name "\" is not there by that path: spell the folder"; bad = 1; next }
    to = folder(target)
    ok = within(to, "core") || to == from
    if (top(from) == "formats" || top(from) == "profiles") ok = ok || within(to, top(from))
    if (top(from) == "plugins" || top(from) == "lua") ok = ok || to == "profiles" || (within(from, to) && to != "plugins")
    if (top(from) == "live") ok = ok || to == "profiles" || within(to, "live") || (within(to, "plugins/linux") && to != "plugins/linux/find")
    if (top(from) == "lua") ok = ok || to == "live"
    if (top(from) == "plugins") ok = ok || (within(to, "plugins/linux") && to != "plugins/linux/find")
    if (!ok) { print file ":" $2 ": " from " may not include " to " (" name ")"; bad = 1 }
    seen++
}
END { print seen + 0 " includes"; exit bad || !seen }'
