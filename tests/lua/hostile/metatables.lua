--! ok
assert(getmetatable("") == "string" and not pcall(setmetatable, "", {}))
assert(not pcall(function() ("").x = 1 end))
for _, o in ipairs { k, k.head, eg.physical(k), eg.at(k.head, "list.next") } do
  assert(type(getmetatable(o)) == "string")
  assert(not pcall(setmetatable, o, {}) and not pcall(rawset, o, "x", 1) and not pcall(rawget, o, "x"))
  assert(not pcall(function() o.x = 1 end))
end
row { N = 1 }
