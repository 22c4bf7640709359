--! ok
for _, p in ipairs { "(", "[", "\\C", "(*UTF)x", "(?<", "a{99999}", ("("):rep(1000), ("x"):rep(5000) } do
  assert(not pcall(eg.scan, eg.physical(k), { regex = p }))
end
for _, p in ipairs { "(?=x)", "x*", "\\b", "(?:)", "^", "$", "(?<=a)\\K", "(?=aa)\\Ka" } do
  local n = 0
  for _, m in eg.scan(eg.physical(k), { regex = p }, 0, 0x3000) do n = n + 1 if n > 10 then break end end
end
row { N = 1 }
