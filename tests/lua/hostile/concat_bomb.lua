--! the script
local s, t = ("x"):rep(1 << 16), {}
for i = 1, 1 << 12 do t[i] = s end
while true do pcall(table.concat, t, s) end
