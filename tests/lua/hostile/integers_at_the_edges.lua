--! ok
local edges = { 0, -1, 1, math.maxinteger, math.mininteger, 1 << 32, 1 << 48, -4096 }
local a = eg.object(k, "item[4]", eg.address(k.head))
for _, i in ipairs(edges) do
  for _, o in ipairs { a, k.head.list.next, k.head } do
    pcall(function() return a[i] end)
    pcall(function() return o + i end)
    pcall(function() return o - i end)
    pcall(eg.at, o, "list[" .. i .. "]")
  end
  for _, j in ipairs(edges) do
    pcall(eg.read, k, i, j) pcall(eg.cstring, k, i, j) pcall(eg.uint, k, i, j) pcall(eg.bits, a, j)
    pcall(eg.object, k, "item[" .. j .. "]", i) pcall(eg.object, k, "item[" .. j .. "][" .. i .. "]", i)
    pcall(eg.progress, i, j)
  end
  for b in eg.bits(a, i & 0xffff) do end
end
row { N = math.mininteger }
