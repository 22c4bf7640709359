--! did not end within 1 second
-- Compiling takes the square of the text.
local text = "return " .. ("a or "):rep(300000) .. "a"
while true do pcall(load, text) end
