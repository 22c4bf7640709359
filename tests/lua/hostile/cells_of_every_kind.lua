--! ok
for _, x in ipairs { 1, -1, 1e300, 0 / 0, 1.5, "x", "\0\27\255", ("x"):rep(1 << 20), true, {}, print, k, k.head, k.head.list.next } do
  for _, name in ipairs { "N", "TEXT", "BYTES", "TIME", "FLAGS", "BOOL", "ADDR", "BIG", "NONE" } do pcall(row, { [name] = x }) end
end
pcall(row) pcall(row, 1) pcall(row, {}, 1) pcall(row, {}, -1) pcall(row, { [1] = 1 }) pcall(row, { [{}] = 1 })
row { N = 1 }
