--! did not end
-- What closes is a function of C, which no hook reaches.
local function stubborn(how)
  local x <close> = setmetatable({}, { __close = how, __call = function() while true do end end,
                                       __tostring = function() while true do end end })
  while true do end
end
while true do
  for _, how in ipairs { pcall, error, tostring, print, coroutine.wrap(function() while true do end end) } do
    pcall(stubborn, how)
  end
end
