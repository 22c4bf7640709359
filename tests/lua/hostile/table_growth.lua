--! the script
local t = {}
while true do pcall(function() for i = 1, 1 << 40 do t[#t + 1] = i end end) end
