--! ok
for _, from in ipairs { -1, -4096, -4097, math.mininteger } do
  for _ in eg.scan(k, { regex = "." }, from, -1) do end
  for _ in eg.scan(eg.physical(k), { bytes = "x" }, from, -1) do end
  eg.read(k, from, 4096) eg.read_some(k, from, 65536) eg.cstring(k, from) eg.uint(k, from) eg.translate(k, from)
end
row { N = 1 }
