--! did not end
while true do pcall(table.move, {}, 1, math.maxinteger - 1, 2) end
