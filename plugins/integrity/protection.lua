-- protection - what protects the kernel and its programs from each other: is it on, and was it switched off after boot?

-- The text of all records of the log that the ring still has, in one.
local function log_text()
  local lines = {}
  local ok, rows = pcall(eg.rows, "kmsg")
  if not ok then eg.note("the log cannot be read, and is not compared: " .. tostring(rows)) end
  for _, r in ipairs(ok and rows or {}) do
    if type(r.TEXT) == "string" then lines[#lines + 1] = r.TEXT end
  end
  return table.concat(lines, "\n")
end

local function command_line(k)
  local at = eg.lookup(k, "saved_command_line")
  local text = at and eg.uint(k, at)
  return text and eg.cstring(k, text, 4096) or nil
end

-- The last value of a parameter of the command line; true where it has none.
local function parameter(line, name)
  local found
  for word in (line or ""):gmatch("%S+") do
    local key, value = word:match("^([^=]+)=(.*)$")
    if (key or word):gsub("-", "_") == name then found = value or true end
  end
  return found
end

local function number(k, symbol, size)
  local at = eg.lookup(k, symbol)
  if at and size == "long" then return (eg.uint(k, at)) end
  return at and eg.uint(k, at, size or 4) or nil
end

local function signed(v) return v and v >= 1 << 31 and v - (1 << 32) or v end

-- Numbers that sysctl or a parameter sets, with the value from which on they protect. Sizes and meanings: kernel/sysctl.c, lib/vsprintf.c,
-- kernel/bpf/syscall.c, security/min_addr.c, security/yama/yama_lsm.c, kernel/kexec_core.c, kernel/module of Linux 5.10 to 7.2. The last
-- is sysctl's name, where that is not the first with "kernel." before it.
local numbers = {
  { "kptr_restrict", "kptr_restrict", 4, 1, nil },
  { "dmesg_restrict", "dmesg_restrict", 4, 1, nil },
  { "unprivileged_bpf_disabled", "sysctl_unprivileged_bpf_disabled", 4, 1, nil },
  { "perf_event_paranoid", "sysctl_perf_event_paranoid", 4, 1, nil },
  { "randomize_va_space", "randomize_va_space", 4, 2, "addresses of programs are not random" },
  { "mmap_min_addr", "mmap_min_addr", "long", 4096, "programs may map address 0", "vm.mmap_min_addr" },
  { "ptrace_scope", "ptrace_scope", 4, 1, nil, "kernel.yama.ptrace_scope" },
  { "kexec_load_disabled", "kexec_load_disabled", 4, 1, nil },
  { "modules_disabled", "modules_disabled", 4, 1, nil },
}
-- A word of the command line that explains it.
local explained = { randomize_va_space = "norandmaps" }

-- Where a kernel names functions only, sysctl's tables lead to its variables.
local function by_sysctl(k)
  local found = {}
  for _, n in ipairs(numbers) do
    if eg.lookup(k, n[2]) then return found end
  end
  local ok, rows = pcall(eg.rows, "sysctl")
  for _, r in ipairs(ok and rows or {}) do found[r.KEY] = math.tointeger(tonumber(r.VALUE)) end
  return found
end

-- The text of a file, as far as memory has it from its beginning.
local function text_of(k, inode)
  local parts, next_offset = {}, 0
  local left = math.min(eg.value(linux.inode_size(inode), 0), 65536)
  for offset, size, at in linux.file_cached(inode) do
    local bytes = offset == next_offset and left > 0 and eg.read(eg.physical(k), at, math.min(size, left))
    if not bytes then break end
    parts[#parts + 1], next_offset, left = bytes, offset + size, left - #bytes
  end
  return table.concat(parts)
end

-- Files that sysctl reads at boot: by their names, whatever folder they are in; of two of one name that of the first folder counts
-- (sysctl.d(5)). /etc/sysctl.conf is the last.
local folders = { "/etc/sysctl.d/", "/run/sysctl.d/", "/usr/local/lib/sysctl.d/", "/usr/lib/sysctl.d/", "/lib/sysctl.d/" }
local LAST = "/etc/sysctl.conf"

-- What those that memory has set: for each name the number, and the file.
local function configured(k)
  local paths, of, names, found = { "/etc/*" }, {}, {}, {} -- something of /etc is always in memory
  for i = 2, #folders do paths[i] = folders[i] .. "*.conf" end
  local ok, rows = pcall(eg.rows, "files", { path = paths, type = "REG" })
  for _, f in ipairs(ok and rows or {}) do
    local folder, name = tostring(f.PATH):match("^(.*/)([^/]*)$")
    for rank, wanted in ipairs(folders) do
      if (folder == wanted and name:find("%.conf$")) or f.PATH == LAST then
        local key = f.PATH == LAST and "\255" or name
        if not of[key] then names[#names + 1] = key end
        if not of[key] or rank < of[key].rank then of[key] = { rank = rank, file = f } end
        break
      end
    end
  end
  table.sort(names)
  for _, name in ipairs(names) do
    local f = of[name].file
    for line in text_of(k, eg.object(k, "inode", f.INODE_ADDRESS)):gmatch("[^\n]+") do
      local key, value = line:match("^%s*%-?%s*([%w_./]+)%s*=%s*(%-?%d+)%s*$")
      if key then found[key:gsub("/", ".")] = { value = math.tointeger(tonumber(value)), path = f.PATH } end
    end
  end
  return found
end

local function plain_numbers(k, line, say)
  local values = by_sysctl(k)
  local wanted = configured(k)
  for _, n in ipairs(numbers) do
    local value = number(k, n[2], n[3]) or values[n[6] or "kernel." .. n[1]]
    if n[3] == 4 then value = signed(value) end
    if value then
      local why = n[5] and value < n[4] and n[5] or nil
      local file = wanted[n[6] or "kernel." .. n[1]]
      if file and file.value and value < n[4] and value < file.value then
        why = ("switched off after boot: %s says %d"):format(file.path, file.value)
      end
      if explained[n[1]] and parameter(line, explained[n[1]]) ~= nil then why = nil end
      say(n[1], tostring(value), n[5] and "at least " .. n[4] or nil, why)
    end
  end
end

-- security/selinux/include/security.h: struct selinux_state; the enforcing member is there with SECURITY_SELINUX_DEVELOP only.
local function selinux(k, line, log, say)
  if not eg.lookup(k, "selinux_state") or not eg.has_type("selinux_state") then return end
  local s = eg.symbol(k, "selinux_state", "selinux_state")
  local loaded = eg.has(s, "initialized") and eg.value(s.initialized, 0) ~= 0
  local enforcing = not eg.has(s, "enforcing") or eg.value(s.enforcing, 0) ~= 0
  local wanted = parameter(line, "enforcing")
  if not loaded then
    local hint = log:find("SELinux:%s+policy capability") and "the log says that a policy was loaded, and none is" or nil
    say("selinux", "no policy", nil, hint)
    return
  end
  local hint
  if not enforcing then
    hint = "a policy is loaded and not enforced"
    if wanted == "1" then
      hint = "switched off after boot: the command line says enforcing=1"
    elseif log:find("enforcing=0 old_enforcing=1", 1, true) then
      hint = "switched off after boot: the log says so"
    end
  end
  say("selinux", enforcing and "enforcing" or "permissive", "enforcing", hint)
end

-- security/apparmor/lsm.c: enum profile_mode of aa_g_profile_mode is APPARMOR_ENFORCE, COMPLAIN, KILL, UNCONFINED, USER.
local function apparmor(k, line, log, say)
  local enabled = number(k, "apparmor_enabled")
  if not enabled then return end
  local mode = number(k, "aa_g_profile_mode")
  local off, hint = enabled == 0, nil
  if off and log:find("AppArmor: AppArmor initialized", 1, true) then
    hint = "switched off after boot: the log says that it was initialized"
  elseif mode == 1 then
    hint = "every profile only complains"
  elseif mode == 3 then
    hint = "every profile is unconfined"
  end
  say("apparmor", off and "off" or mode == 1 and "complain" or "on", not off and "on" or nil, hint)
end

-- security/lockdown/lockdown.c: kernel_locked_down; enum lockdown_reason (include/linux/security.h).
local function lockdown(k, line, log, say)
  local value = number(k, "kernel_locked_down")
  if not value then return end
  local integrity, confidentiality = eg.enum("LOCKDOWN_INTEGRITY_MAX"), eg.enum("LOCKDOWN_CONFIDENTIALITY_MAX")
  local name = value == 0 and "none" or value == integrity and "integrity" or value == confidentiality and "confidentiality"
    or tostring(value)
  local wanted = parameter(line, "lockdown")
  local logged = log:match("Kernel is locked down from ([^;\n]*)")
  local hint
  if value == 0 and logged then
    hint = "switched off after boot: the log says that the kernel was locked down from " .. logged
  elseif value == 0 and (wanted == "integrity" or wanted == "confidentiality") then
    hint = "switched off after boot: the command line says lockdown=" .. wanted
  elseif value ~= 0 and math.type(confidentiality) == "integer" and value > confidentiality then
    hint = "no level of it"
  end
  say("lockdown", name, wanted or logged and "locked down" or nil, hint)
end

-- kernel/module/signing.c (kernel/module.c before 5.19): sig_enforce, that can only be switched on. kernel/kexec_file.c has one too: the
-- parameter's value is asked for.
local function signatures(k, line, log, say)
  local value
  local ok, rows = pcall(eg.rows, "modparams")
  if not ok then eg.note("whether modules must be signed is not known: " .. tostring(rows)) end
  for _, r in ipairs(ok and rows or {}) do
    if r.MODULE == "module" and r.KEY == "sig_enforce" then value = r.VALUE end
  end
  if type(value) ~= "string" then return end
  local wanted = parameter(line, "module.sig_enforce")
  local hint
  if value:find("^[N0]") and wanted ~= nil and wanted ~= "0" and wanted ~= "n" then
    hint = "switched off after boot: the command line says module.sig_enforce"
  end
  say("module_signatures", value:find("^[N0]") and "not enforced" or "enforced", wanted and "enforced" or nil, hint)
end

-- include/linux/audit.h: AUDIT_OFF 0, AUDIT_ON 1, AUDIT_LOCKED 2; kernel/audit.c: locked it stays until reboot.
local function audit(k, line, log, say)
  local value = number(k, "audit_enabled")
  if not value then return end
  local wanted = parameter(line, "audit")
  local hint
  if value == 0 and (wanted == "1" or wanted == "on") then
    hint = "switched off after boot: the command line says audit=" .. wanted
  elseif value == 0 and log:find("audit_enabled=2 old=", 1, true) then
    hint = "switched off after boot: the log says that it was locked"
  elseif value == 0 and log:find("audit_enabled=0 old=1", 1, true) then
    hint = "switched off after boot: the log says so"
  end
  say("audit", value == 0 and "off" or value == 1 and "on" or value == 2 and "locked" or tostring(value),
    (wanted == "1" or wanted == "on") and "on" or nil, hint)
end

-- Tracing that rootkits switch off, so that live patches and probes do not see them: kernel/trace/ftrace.c, kernel/kprobes.c.
local function tracing(k, line, log, say)
  local ftrace, kprobes = number(k, "ftrace_enabled"), number(k, "kprobes_all_disarmed", 1)
  if ftrace then
    say("ftrace", ftrace == 0 and "off" or "on", "on", ftrace == 0 and "switched off after boot" or nil)
  end
  if kprobes then
    say("kprobes", kprobes ~= 0 and "disarmed" or "on", "on", kprobes ~= 0 and "switched off after boot" or nil)
  end
end

-- LKRG, the guard of the kernel that is a module: what it says in the log when it comes and when it goes.
local function lkrg(k, line, log, say)
  local loaded
  local ok = pcall(function()
    for m in linux.modules(k) do
      local name = eg.string(m.name)
      if name == "lkrg" or name == "p_lkrg" then loaded = true end
    end
  end)
  if not ok then eg.note("modules cannot be listed: LKRG is told by the log only") end
  local came = log:find("LKRG initialized successfully", 1, true)
  local went = log:find("LKRG unloaded", 1, true)
  if not loaded and not came then return end
  local hint
  if not loaded and not went then
    hint = "the log says that it was loaded, and it is not on the list of modules"
  elseif went and not loaded then
    hint = "unloaded after boot: the log says so"
  end
  say("lkrg", loaded and "loaded" or "not loaded", came and "loaded" or nil, hint)
end

return plugin {
  name = "protection",
  os = "linux",
  help = "List what protects the kernel, and what was switched off after boot",
  manual = "SELinux, AppArmor, lockdown, signatures of modules, audit, what kptr_restrict and its like are set to, tracing, LKRG. That "
    .. "something was switched off is told from the command line, from the log, and of settings from the files of sysctl that memory has: "
    .. "a record that the ring has lost, or that was filtered out before the ring, is no record. A setting that nobody ever switched on "
    .. "has no hint unless no distribution leaves it so. Hooks of security modules that were taken out are not seen here, nor a policy of SELinux that allows everything.",
  looks_for = { "protection that was switched off" },
  columns = {
    { "NAME", "text", "what protects" },
    { "VALUE", "text", "its value" },
    { "EXPECTED", "text", "what the command line or the log says that it was, or what protects" },
    { "HINTS", "text", "what is odd" },
  },
  run = function(k, args, row)
    local line, log = command_line(k), log_text()
    local function say(name, value, expected, hint)
      row { NAME = name, VALUE = value, EXPECTED = expected, HINTS = hint }
    end
    if not line then eg.note("the command line of the kernel cannot be read: it is not compared") end
    for _, check in ipairs { selinux, apparmor, lockdown, signatures, audit, plain_numbers, tracing, lkrg } do
      if check == plain_numbers then check(k, line, say) else check(k, line, log, say) end
    end
  end,
}
