--! the script
while true do pcall(eg.rows, "rows_without_end") end
