--! ok
-- Metamethods of cursors meet what is none.
local c = k.head
local t = setmetatable({}, { __index = c, __newindex = c })
pcall(function() return t.list end)
pcall(function() t.list = 1 end)
for _, x in ipairs { 1, 1.5, "x", false, {}, print, k } do
  for _, f in ipairs { function(a, b) return a + b end, function(a, b) return a - b end, function(a, b) return a .. b end,
                       function(a, b) return a < b end, function(a, b) return a <= b end, function(a, b) return a == b end,
                       function(a, b) return a * b end, function(a, b) return a[b] end } do
    pcall(f, c, x)
    pcall(f, x, c)
  end
end
row { N = 1 }
