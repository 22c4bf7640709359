--! ok
local t = {}
for i = 1, 100 do t[i] = i t["k" .. i] = i end
for key in pairs(t) do t[key] = nil t[{}] = 1 end
for key in next, t do t[key] = nil end
assert(next(t) == nil)
row { N = 1 }
