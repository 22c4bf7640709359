--! did not end
local mt = {}
mt.__eq = function() while true do end end
local t = setmetatable({}, mt)
while true do pcall(function() local _ = t == setmetatable({}, mt) end) end
