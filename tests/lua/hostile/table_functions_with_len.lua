--! ok
-- The library's own would loop 2^62 times where no hook is.
local t = setmetatable({}, { __len = function() return 1 << 62 end, __index = rawlen, __newindex = rawset })
for _, f in ipairs { table.concat, table.unpack, table.insert, table.remove, table.sort } do
  assert(not pcall(f, t, 1, 1))
end
assert(not pcall(table.move, t, 1, 1 << 62, 2))
assert(not pcall(table.move, {}, 1, 2, 3, t))
row { N = 1 }
