--! the script
local s = "x"
while true do pcall(function() s = s:gsub(".", function(c) return c:rep(3000) end) end) end
