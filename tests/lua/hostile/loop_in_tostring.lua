--! did not end
local mt = {}
mt.__tostring = function() while true do end end
local t = setmetatable({}, mt)
while true do pcall(function() tostring(t) end) end
