--! did not end
local t = {}
for i = 1, 1000 do t[i] = i end
while true do pcall(table.sort, t, function() while true do end end) end
