--! ok
for _, t in ipairs { "", " ", "*", "**", "[", "[]", "item[", "item[]", "item[-1]", "item[18446744073709551615]", "struct", "struct ",
                     ("*"):rep(10000), "item" .. ("*"):rep(1000), "item" .. ("[2]"):rep(1000), ("x"):rep(100000), "item\0*", "%s%n" } do
  pcall(eg.object, k, t, eg.address(k.head))
  pcall(eg.sizeof, t) pcall(eg.has_type, t) pcall(eg.offsetof, t, t) pcall(eg.has, t, t) pcall(eg.cast, k.head, t)
  pcall(eg.at, k.head, t) pcall(eg.symbol, k, t) pcall(eg.lookup, k, t) pcall(function() return k.head[t] end)
end
row { N = 1 }
