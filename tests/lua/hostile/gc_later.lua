--! ok
-- A finalizer that is put there afterwards is none.
local mt = {}
for _ = 1, 1000 do setmetatable({}, mt) end
mt.__gc = function() while true do end end
for _ = 1, 10000 do local t = {} end
assert(not pcall(setmetatable, {}, mt))
row { N = 1 }
