--! did not end
local function f() return pcall(f) or pcall(f) end
while true do f() end
