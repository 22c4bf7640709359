--! ok
for _, open in ipairs { "(", "{", "function() ", "do ", "- ", "not ", "a[", "a.b{" } do
  assert(not load("x = " .. open:rep(100000)))
  assert(not load(open:rep(100000)))
end
row { N = 1 }
