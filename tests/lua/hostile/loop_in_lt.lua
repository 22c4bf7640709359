--! did not end
local mt = {}
mt.__lt = function() while true do end end
local t = setmetatable({}, mt)
while true do pcall(function() local _ = t < t end) end
