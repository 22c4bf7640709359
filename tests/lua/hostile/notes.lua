--! did not end
local i = 0
while true do i = i + 1 eg.note("note " .. i) print(i, "x") end
