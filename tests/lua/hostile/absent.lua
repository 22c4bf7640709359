--! ok
for _, name in ipairs { "io", "os", "debug", "package", "dofile", "loadfile", "collectgarbage", "warn" } do
  assert(_G[name] == nil, name)
end
assert(coroutine.close == nil and math.randomseed == nil)
for _, name in ipairs { "/etc/passwd", "../x", "a.b", "", ".", "a\0b", "nothing_by_this_name" } do
  assert(not pcall(require, name), name)
end
row { N = 1 }
