-- lsmod as plugins/kernel/lsmod.c has it: the same rows, to the byte.

local letters = "PFSRMBUDAWCIOELKXTNJ" -- kernel/panic.c: taint_flags
local states = { [0] = "Live", "Loading", "Unloading", "Unformed" }
local MODULE_REF_BASE, USERS_MAX = 1, 256

-- Since 6.4 one array, whose first is the code; before, two or three members.
local function size_of(m)
  if eg.has(m, "mem") then
    local sum = 0
    for i = 0, #m.mem - 1 do
      local size = m.mem[i].size
      if not eg.ok(size) then return size end
      sum = sum + size
    end
    return sum
  end
  local core, init = m.core_layout.size, m.init_layout.size
  if not eg.ok(core) or not eg.ok(init) then return core end
  return core + init + (eg.has(m, "data_layout") and eg.value(m.data_layout.size, 0) or 0)
end

local function taints_of(m)
  local taints = m.taints
  if not eg.ok(taints) then return taints end
  return (letters:gsub("()(.)", function(at, letter) return taints >> at - 1 & 1 == 1 and letter or "" end))
end

local function users_of(m)
  local users = {}
  for use in eg.list(m.source_list, "module_use", "source_list") do
    if #users == USERS_MAX then
      eg.note(("the module at %#x: only its first %d users are named"):format(eg.address(m), USERS_MAX))
      break
    end
    users[#users + 1] = eg.value(use.source.name, "?")
  end
  if eg.has(m, "exit") and eg.value(eg.address(m.init), 0) ~= 0 and eg.address(m.exit) == 0 then
    users[#users + 1] = "[permanent]"
  end
  return table.concat(users, ",")
end

return plugin {
  name = "lua_lsmod",
  os = "linux",
  help = "lsmod in Lua",
  columns = {
    { "OFFSET", "addr", "where the struct module is" },
    { "MODULE", "text", "its name" },
    { "SIZE", "int", "bytes of code and data" },
    { "TAINTS", "flags", "letters as in /proc/modules" },
    { "REF_COUNT", "int", "uses, as lsmod counts them" },
    { "USED_BY", "text", "modules that use it" },
    { "STATE", "text", "Live, Loading, Unloading, Unformed" },
    { "ADDRESS", "addr", "where its code begins" },
    { "LOAD_ARGUMENTS", "text", "parameters with their values now; ? where only the module can read it" },
  },
  needs = { "module.list", "module.name" },
  run = function(k, args, row)
    for m in linux.modules(k) do
      local refs = m.refcnt.counter
      row {
        OFFSET = m, MODULE = m.name, SIZE = size_of(m), TAINTS = taints_of(m),
        REF_COUNT = eg.ok(refs) and refs - MODULE_REF_BASE or refs, USED_BY = users_of(m),
        STATE = states[m.state] or m.state,
        ADDRESS = eg.has(m, "mem") and m.mem[0].base or not eg.has(m, "mem") and m.core_layout.base,
        LOAD_ARGUMENTS = linux.params(m),
      }
    end
  end,
}
