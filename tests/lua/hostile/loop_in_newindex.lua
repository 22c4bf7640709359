--! did not end
local mt = {}
mt.__newindex = function() while true do end end
local t = setmetatable({}, mt)
while true do pcall(function() t.x = 1 end) end
