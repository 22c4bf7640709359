--! ok
local t = setmetatable({}, { __mode = "k" })
for i = 1, 100000 do t[{}] = tostring {} end
for _ in pairs(t) do end
row { N = 1 }
