--! did not end
local a, t = ("x"):rep(1 << 21), {}
for i = 1, 20000 do t[i] = a end
while true do table.sort(t) end
