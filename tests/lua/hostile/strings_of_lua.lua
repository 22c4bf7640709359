--! ok
local long = ("x"):rep(1000)
string.rep = nil -- whose error is not caught
for _, f in pairs(string) do
  for _, x in ipairs { "", "x", long, "%", "%1", "[", 1 << 62, -1, math.mininteger, 0 / 0 } do
    for _, y in ipairs { "", "(", ")", "%f", "%b", "[^", "()%1", "(()", math.maxinteger, -1, {} } do
      pcall(f, x, y) pcall(f, x, y, math.mininteger) pcall(f, x, y, math.maxinteger) pcall(f, x, y, "%9", -1)
    end
  end
end
assert(not pcall(string.format, "%p", {}) and not pcall(string.format, "%99999d", 1))
row { N = 1 }
