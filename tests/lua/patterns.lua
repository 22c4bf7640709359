-- Patterns that are made at random, on subjects made at random: `ours` (a table of find, match, gmatch and gsub) gives what
-- the library of Lua gives, to the words of its errors.
local ours, cases = ...
local real, random = string, math.random
math.randomseed(5)

local function make(pieces, most)
  local t = {}
  for i = 1, random(0, most) do t[i] = pieces[random(#pieces)] end
  return table.concat(t)
end

local subjects = { "a", "b", "ab", "aa", "1", "x", "(", ")", "%", ".", "-", "]", "[", "^", "$", " ", "\0", "\n", "\255", "A" }
local pieces = { "a", "b", "1", ".", "%a", "%d", "%s", "%w", "%p", "%l", "%u", "%x", "%g", "%c", "%A", "%W", "%z", "%%", "%", "%.",
                 "*", "+", "-", "?", "(", ")", "()", "(a)", "(.-)", "(%w*)", "%1", "%2", "%9", "%0", "^", "$", "%b()", "%bab", "%b",
                 "%b(", "%f[a]", "%f[%w]", "%f[^a]", "%f", "[ab]", "[^ab]", "[a-z]", "[%a]", "[^%s]", "[]]", "[^]]", "[a-]", "[-a]",
                 "[%-]", "[", "]", "[^", "[%", "[a", "[a-%w]", "[%a-z]", "\0", "[\0]", "\255", "a*", "a-b", ".*", ".-", "(a*)", "((.)" }
local templates = { "", "x", "%0", "%1", "%2", "%9", "%%", "%", "%x", "[%0%1]", "\0", "%0%0" }

local function gmatches(f, s, p, init)
  local all, n = {}, 0
  for a, b, c in f(s, p, init) do
    n = n + 1
    all[#all + 1] = tostring(a) .. "," .. tostring(b) .. "," .. tostring(c)
    if n > 100 then error("no end") end
  end
  return table.concat(all, ";")
end

local function check(what, f, g, ...)
  local a, b = table.pack(pcall(f, ...)), table.pack(pcall(g, ...))
  local same = a.n == b.n
  for _, t in ipairs { a, b } do -- the name of a function is found by where it is
    if not t[1] then t[2] = real.gsub(t[2], "to '[^']*'", "to it") end
  end
  for i = 1, a.n do same = same and a[i] == b[i] end
  if same then return end
  local said = {}
  for _, t in ipairs { table.pack(...), a, b } do
    for i = 1, t.n do said[#said + 1] = ("%q"):format(type(t[i]) == "function" and "f" or type(t[i]) == "table" and "t" or t[i]) end
    said[#said + 1] = "|"
  end
  error(what .. ": " .. table.concat(said, " "), 0)
end

local replacements = { a = "A", b = 1, ab = false, aa = {}, ["1"] = true }
local function replace(c, d)
  if c == "a" then return nil elseif c == "b" then return 5 elseif c == "1" then return {} end
  return tostring(c) .. tostring(d)
end

for _ = 1, cases do
  local s, p, init = make(subjects, 12), make(pieces, 6), random(-14, 14)
  check("find", real.find, ours.find, s, p, init)
  check("find", real.find, ours.find, s, p, init, true)
  check("match", real.match, ours.match, s, p, init)
  check("gmatch", function(...) return gmatches(real.gmatch, ...) end, function(...) return gmatches(ours.gmatch, ...) end, s, p, init)
  check("gsub", real.gsub, ours.gsub, s, p, templates[random(#templates)], random(-1, 5))
  check("gsub", real.gsub, ours.gsub, s, p, replacements)
  check("gsub", real.gsub, ours.gsub, s, p, replace)
end
for _, f in ipairs { "find", "match", "gmatch", "gsub" } do
  for _, x in ipairs { 1, 1.5, {}, true, print, "", "x", "%" } do
    check(f, real[f], ours[f])
    for _, y in ipairs { 1, {}, "x", "(", true } do
      if f ~= "gmatch" or type(x) == "table" or type(y) == "table" then
        check(f, real[f], ours[f], x, y)
        check(f, real[f], ours[f], x, y, x, y)
      end
    end
  end
end
local deep = ("(a"):rep(40)
check("captures", real.find, ours.find, ("a"):rep(50), deep)
check("depth", real.find, ours.find, ("a"):rep(500), ("a?"):rep(300) .. "b")
check("depth", real.find, ours.find, ("a"):rep(500), ("a?"):rep(150) .. ("a"):rep(150))
