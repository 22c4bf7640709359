--! did not end
local mt = {}
mt.__call = function() while true do end end
local t = setmetatable({}, mt)
while true do pcall(function() t() end) end
