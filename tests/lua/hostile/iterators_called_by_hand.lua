--! ok
-- What pairs, gmatch and walks give can be called with anything.  (eg.refuse ends the script, as it says.)
local bad = { 1, "x", false, print, k, k.head, {} }
for _, f in ipairs { (pairs { 1, 2 }), ("abc"):gmatch("."), eg.list(k.head.list, "item", "link"),
                     eg.bits(eg.object(k, "item[4]", eg.address(k.head)), 100),
                     eg.scan(eg.physical(k), { bytes = "\1" }), coroutine.wrap(function() end) } do
  pcall(f)
  for _, x in ipairs(bad) do pcall(f, x) pcall(f, x, x) end
end
for _, f in pairs(eg) do
  if type(f) == "function" and f ~= eg.rows and f ~= eg.refuse then
    pcall(f)
    for _, x in ipairs(bad) do
      pcall(f, x)
      for _, y in ipairs(bad) do pcall(f, x, y) pcall(f, x, y, math.mininteger) end
    end
  end
end
row { N = 1 }
