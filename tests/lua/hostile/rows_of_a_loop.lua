--! did not end
while true do pcall(eg.rows, "loop") end
